#include "plugin/ctl/found_tasks.h"

#include <sys/stat.h>

#include <algorithm>
#include <map>
#include <tuple>
#include <utility>

#include "absl/strings/str_cat.h"
#include "api/time_convert.h"
#include "base/errors.h"
#include "plugin/recovery/checkpoint_scan.h"
#include "plugin/recovery/open_files.h"
#include "shim/bundle/executor_journal.h"
#include "shim/bundle/started_process.h"

namespace holdfast::ctl {
namespace {

// Directories in `path`, by name; one that went meanwhile has none.
std::vector<std::string> DirectoriesIn(Files& files, const std::string& path,
                                       absl::Status& first_error) {
  absl::StatusOr<std::vector<std::string>> names = files.List(path);
  if (!names.ok()) {
    if (!absl::IsNotFound(names.status())) first_error.Update(names.status());
    return {};
  }
  std::erase_if(*names, [&](const std::string& name) {
    struct stat info;
    return lstat(absl::StrCat(path, "/", name).c_str(), &info) != 0 ||
           !S_ISDIR(info.st_mode);
  });
  return *std::move(names);
}

std::string JournalOf(const FoundTask& task) {
  return absl::StrCat(task.directory, "/journal");
}

absl::StatusOr<ExecutorFacts> ReadJournal(Files& files, const FoundTask& task) {
  absl::StatusOr<ExecutorFacts> facts =
      ExecutorJournal::Peek(files, JournalOf(task));
  if (!facts.ok()) return facts;
  HOLDFAST_RETURN_IF_ERROR(CheckOwner(*facts, task.id));
  if (facts->tasks.empty() || !facts->intent.has_containerd()) {
    return absl::DataLossError(absl::StrCat(
        JournalOf(task), " is not that of a task of containerd's"));
  }
  return facts;
}

// The latest that the journal tells of; 0: of none.
int RecordedShim(const ExecutorFacts& facts) {
  for (auto record = facts.history.rbegin(); record != facts.history.rend();
       ++record) {
    if (record->has_started()) return record->started().shim_pid();
  }
  return facts.started ? facts.started->shim_pid() : 0;
}

int LivingShim(const FoundTask& task) {
  const std::string journal = JournalOf(task);
  if (task.facts.ok()) {
    if (const int pid = RecordedShim(*task.facts); pid != 0) {
      return HasOpen(pid, journal) ? pid : 0;
    }
  }
  const auto owners = OpenFilesBelow(task.directory);
  const auto found = owners.find(journal);
  return found == owners.end() ? 0 : found->second.front().pid;
}

void Look(Files& files, FoundTask& task) {
  task.facts = ReadJournal(files, task);
  task.shim_pid = LivingShim(task);
  // A shim that ended as we looked has told how, before that.
  const bool ended = task.facts.ok() && task.facts->exited;
  if (task.shim_pid == 0 && !ended) task.facts = ReadJournal(files, task);
  if (!task.facts.ok()) return;
  task.lives = task.facts->started && !task.facts->exited &&
               IsRunning(*task.facts->started);
  task.agent =
      absl::StrCat("containerd:", task.facts->intent.containerd().address());
}

// Removed since it was listed; or being made.
bool IsGone(const FoundTask& task) {
  struct stat info;
  return absl::IsNotFound(task.facts.status()) &&
         lstat(task.directory.c_str(), &info) != 0;
}

// A journal that cannot be read names no daemon: others in its directory do.
void NameAgents(const std::string& daemon, std::vector<FoundTask>& tasks) {
  std::string agent = absl::StrCat("containerd:", daemon);
  for (const FoundTask& task : tasks) {
    if (!task.agent.empty()) agent = task.agent;
  }
  for (FoundTask& task : tasks) {
    if (task.agent.empty()) task.agent = agent;
  }
}

absl::Time StartOf(const FoundTask& task) {
  return task.facts.ok() && task.facts->started
             ? FromProto(task.facts->started->time())
             : absl::InfiniteFuture();
}

}  // namespace

std::string FoundTask::ShortName() const {
  return absl::StrCat(name_space, "/", id);
}

std::string FoundTask::FullName() const {
  return absl::StrCat(agent, "/", ShortName());
}

FoundTasks FindTasks(Files& files, const std::string& work_dir) {
  FoundTasks found;
  const std::string root = absl::StrCat(work_dir, "/containerd");
  for (const std::string& daemon : DirectoriesIn(files, root, found.status)) {
    std::vector<FoundTask> of_daemon;
    const std::string in_daemon = absl::StrCat(root, "/", daemon);
    for (const std::string& name_space :
         DirectoriesIn(files, in_daemon, found.status)) {
      const std::string in_space = absl::StrCat(in_daemon, "/", name_space);
      for (const std::string& id :
           DirectoriesIn(files, in_space, found.status)) {
        FoundTask task;
        task.directory = absl::StrCat(in_space, "/", id);
        task.name_space = name_space;
        task.id = id;
        Look(files, task);
        if (!IsGone(task)) of_daemon.push_back(std::move(task));
      }
    }
    NameAgents(daemon, of_daemon);
    std::move(of_daemon.begin(), of_daemon.end(),
              std::back_inserter(found.tasks));
  }
  std::stable_sort(found.tasks.begin(), found.tasks.end(),
                   [](const FoundTask& a, const FoundTask& b) {
                     const absl::Time a_start = StartOf(a);
                     const absl::Time b_start = StartOf(b);
                     return std::tie(a.agent, a.name_space, a_start) <
                            std::tie(b.agent, b.name_space, b_start);
                   });
  return found;
}

}  // namespace holdfast::ctl
