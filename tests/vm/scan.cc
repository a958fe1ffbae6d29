// vm_scan WORK_DIR LINES [ended]: whether the checkpoint in WORK_DIR is one
// with which a strict agent starts, and holds all that an orchestrator was
// shown (shown.h). `ended`: every task must have ended, too, as after a reboot.
// Prints what is wrong; 0: nothing.

#include <stdlib.h>

#include <cstdio>
#include <map>

#include "absl/strings/str_cat.h"
#include "base/errors.h"
#include "base/files.h"
#include "plugin/checkpoint/agent_store.h"
#include "plugin/recovery/checkpoint_scan.h"
#include "tests/fakes/temporary_directory.h"
#include "tests/vm/shown.h"

namespace holdfast::vm {
namespace {

using Containers = std::vector<ScannedContainer>;

constexpr int kWorkers = 2;

absl::StatusOr<Containers> Scan(const Layout& layout) {
  HOLDFAST_ASSIGN_OR_RETURN(const std::unique_ptr<EventLoop> loop,
                            EventLoop::Create());
  WorkerPool workers(kWorkers);
  absl::StatusOr<Containers> result;
  ScanCheckpoint(*loop, workers, SystemFiles(), layout,
                 [&](absl::StatusOr<Containers> containers) {
                   result = std::move(containers);
                   loop->Stop();
                 });
  loop->Run();
  return result;
}

// The agent's own records: a strict start wants them whole, too.
void CheckRecords(const Layout& layout, std::vector<std::string>& complaints) {
  const absl::StatusOr<std::unique_ptr<AgentStore>> store =
      AgentStore::Open(SystemFiles(), layout);
  if (!store.ok()) {
    complaints.push_back(store.status().ToString());
    return;
  }
  const absl::Status agent = (*store)->LoadAgent().status();
  if (!agent.ok() && !absl::IsNotFound(agent)) {
    complaints.push_back(agent.ToString());
  }
  const auto frameworks = (*store)->LoadFrameworks();
  if (!frameworks.ok()) complaints.push_back(frameworks.status().ToString());
  if (!frameworks.ok()) return;
  for (const AgentStore::DamagedFile& damaged : frameworks->damaged) {
    complaints.push_back(damaged.what.ToString());
  }
}

void CheckEnded(const ExecutorFacts& facts,
                std::vector<std::string>& complaints) {
  for (const TaskFacts& task : facts.tasks) {
    if (task.IsTerminal()) continue;
    complaints.push_back(absl::StrCat(task.info.task_id(), " is still ",
                                      v1::TaskState_Name(task.state())));
  }
}

std::vector<std::string> Judge(const Layout& layout, const Shown& shown,
                               bool ended) {
  std::vector<std::string> complaints;
  // A living agent has the locks, and its records with them.
  if (!ended) CheckRecords(layout, complaints);
  const absl::StatusOr<Containers> containers = Scan(layout);
  if (!containers.ok()) return {containers.status().ToString()};
  std::map<std::string, const ExecutorFacts*> on_disk;
  for (const ScannedContainer& container : *containers) {
    if (!container.facts.ok()) {
      if (container.never_begun) continue;
      complaints.push_back(container.facts.status().ToString());
      continue;
    }
    for (const TaskFacts& task : container.facts->tasks) {
      on_disk[task.info.task_id()] = &*container.facts;
    }
    if (ended) CheckEnded(*container.facts, complaints);
  }
  for (std::string& complaint : shown.Complaints(on_disk)) {
    complaints.push_back(std::move(complaint));
  }
  return complaints;
}

int Main(const std::string& work_dir, const std::string& file, bool ended) {
  const absl::StatusOr<std::string> lines = ReadSmallFile(file);
  const absl::StatusOr<Shown> shown = Shown::Parse(lines.value_or(""));
  if (!lines.ok() || !shown.ok()) {
    fprintf(
        stderr, "vm_scan: %s: %s\n", file.c_str(),
        std::string((lines.ok() ? shown.status() : lines.status()).message())
            .c_str());
    return 2;
  }
  const TemporaryDirectory runtime_dir;
  const Layout layout{work_dir, runtime_dir.path()};
  const absl::Status made =
      SystemFiles().MakeDirectory(layout.Executors(/*checkpoint=*/false), 0700);
  std::vector<std::string> complaints = Judge(layout, *shown, ended);
  if (!made.ok()) complaints.push_back(made.ToString());
  for (const std::string& complaint : complaints) puts(complaint.c_str());
  return complaints.empty() ? 0 : 1;
}

}  // namespace
}  // namespace holdfast::vm

int main(int argc, char** argv) {
  if (argc != 3 && argc != 4) {
    fputs("usage: vm_scan WORK_DIR LINES [ended]\n", stderr);
    return 2;
  }
  return holdfast::vm::Main(argv[1], argv[2], argc == 4);
}
