#include "plugin/recovery/checkpoint_scan.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/errors.h"
#include "base/mutex.h"
#include "plugin/checkpoint/spare_directory.h"
#include "shim/bundle/executor_journal.h"

namespace holdfast {
namespace {

// So many directories a task: small enough to keep all workers busy.
constexpr size_t kChunk = 32;

absl::StatusOr<std::vector<ScannedContainer>> ListContainers(
    Files& files, const Layout& layout) {
  std::vector<ScannedContainer> containers;
  for (const bool checkpoint : {true, false}) {
    HOLDFAST_ASSIGN_OR_RETURN(const std::vector<std::string> names,
                              files.List(layout.Executors(checkpoint)));
    for (const std::string& name : names) {
      const absl::string_view id = checkpoint ? IdOfSpare(name) : "";
      const bool spare = !id.empty() && !IsUnused(files, SparePath(layout, id));
      // A removal that was interrupted, or a spare that nothing began in.
      if (name[0] == '.' && !spare) continue;
      ScannedContainer container;
      container.container_id = name;
      container.checkpoint = checkpoint;
      container.has_spare_name = spare;
      containers.push_back(std::move(container));
    }
  }
  return containers;
}

// An executor that ran has output files; its sandbox may hold anything.
bool NeverBegun(Files& files, const std::string& directory) {
  const absl::StatusOr<std::vector<std::string>> names = files.List(directory);
  if (!names.ok()) return false;
  return std::all_of(names->begin(), names->end(), [](const std::string& n) {
    return n == "sandbox" || n == "journal.new";
  });
}

void Look(Files& files, const Layout& layout, ScannedContainer& container) {
  container.facts = ExecutorJournal::Peek(
      files, layout.Journal(container.container_id, container.checkpoint));
  if (absl::IsNotFound(container.facts.status())) {
    container.never_begun = NeverBegun(
        files, layout.Executor(container.container_id, container.checkpoint));
  }
}

// What the tasks of one scan share.
struct Scan {
  std::vector<ScannedContainer> containers;
  Mutex mutex;
  size_t left ABSL_GUARDED_BY(mutex) = 0;
};

}  // namespace

void ScanCheckpoint(
    EventLoop& loop, WorkerPool& workers, Files& files, const Layout& layout,
    std::function<void(absl::StatusOr<std::vector<ScannedContainer>>)> done) {
  absl::StatusOr<std::vector<ScannedContainer>> containers =
      ListContainers(files, layout);
  if (!containers.ok() || containers->empty()) {
    loop.Post([done = std::move(done), containers = std::move(containers)] {
      done(containers);
    });
    return;
  }
  auto scan = std::make_shared<Scan>();
  scan->containers = *std::move(containers);
  const size_t count = scan->containers.size();
  {
    MutexLock lock(scan->mutex);
    scan->left = count;
  }
  for (size_t from = 0; from < count; from += kChunk) {
    const size_t to = std::min(from + kChunk, count);
    workers.Run([&loop, &files, layout, scan, from, to, done] {
      for (size_t i = from; i < to; ++i) {
        Look(files, layout, scan->containers[i]);
      }
      MutexLock lock(scan->mutex);
      scan->left -= to - from;
      if (scan->left > 0) return;
      loop.Post([scan, done] { done(std::move(scan->containers)); });
    });
  }
}

absl::Status GiveNames(Files& files, const Layout& layout,
                       std::vector<ScannedContainer>& containers) {
  bool renamed = false;
  for (ScannedContainer& container : containers) {
    // What cannot be read keeps the name that it is told by.
    if (!container.has_spare_name || !container.facts.ok()) continue;
    // The one in its name is that only where the first rename was synced.
    const std::string id = container.facts->intent.container_id();
    HOLDFAST_RETURN_IF_ERROR(
        files.Rename(layout.Executor(container.container_id, true),
                     layout.Executor(id, true)));
    container.container_id = id;
    container.has_spare_name = false;
    renamed = true;
  }
  if (!renamed) return absl::OkStatus();
  return files.SyncDirectory(layout.Executors(/*checkpoint=*/true));
}

}  // namespace holdfast
