#include "plugin/recovery/checkpoint_scan.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "base/errors.h"
#include "base/failpoint.h"
#include "base/log.h"
#include "base/mutex.h"
#include "plugin/checkpoint/executor_list.h"
#include "plugin/checkpoint/spare_directory.h"
#include "shim/bundle/executor_journal.h"

namespace holdfast {
namespace {

// So many directories a task: small enough to keep all workers busy.
constexpr size_t kChunk = 32;

absl::StatusOr<std::vector<ScannedContainer>> ListContainers(
    Files& files, const Layout& layout, bool may_be_missing = false) {
  std::vector<ScannedContainer> containers;
  for (const bool checkpoint : {true, false}) {
    const absl::StatusOr<std::vector<std::string>> names =
        ListExecutors(files, layout, checkpoint);
    if (may_be_missing && absl::IsNotFound(names.status())) continue;
    HOLDFAST_RETURN_IF_ERROR(names.status());
    for (const std::string& name : *names) {
      ScannedContainer container;
      container.container_id = name;
      container.checkpoint = checkpoint;
      container.has_spare_name = !IdOfSpare(name).empty();
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
  const std::string& id = container.container_id;
  container.facts =
      ExecutorJournal::Peek(files, layout.Journal(id, container.checkpoint));
  // A spare is another's until its launch has named it, durably.
  if (container.facts.ok() && !container.has_spare_name) {
    const absl::Status owned = CheckOwner(*container.facts, id);
    if (!owned.ok()) container.facts = owned;
  }
  if (absl::IsNotFound(container.facts.status())) {
    container.never_begun =
        NeverBegun(files, layout.Executor(id, container.checkpoint));
  }
}

// Beside a running plugin: it was removed, or got its name, just now.
bool HasVanished(Files& files, const Layout& layout,
                 const ScannedContainer& container) {
  return absl::IsNotFound(container.facts.status()) &&
         absl::IsNotFound(files
                              .List(layout.Executor(container.container_id,
                                                    container.checkpoint))
                              .status());
}

// Two with the same id would both be in charge of the same processes.
void RefuseTakenIds(std::vector<ScannedContainer>& containers) {
  absl::flat_hash_set<std::string> taken;
  for (const ScannedContainer& container : containers) {
    if (!container.has_spare_name) taken.insert(container.container_id);
  }
  for (ScannedContainer& container : containers) {
    if (!container.has_spare_name || !container.facts.ok()) continue;
    const std::string id = container.facts->intent.container_id();
    if (taken.insert(id).second) continue;
    container.facts = absl::DataLossError(
        absl::StrCat("container ", container.container_id,
                     ": its journal is that of ", id, ", which has its own"));
  }
}

std::vector<ScannedContainer> Together(
    Files& files, const Layout& layout,
    std::vector<ScannedContainer> containers) {
  std::erase_if(containers, [&](const ScannedContainer& container) {
    return HasVanished(files, layout, container);
  });
  RefuseTakenIds(containers);
  return containers;
}

Damage DamageOf(const Layout& layout, const ScannedContainer& container) {
  return MakeDamage(layout.Journal(container.container_id, true),
                    container.facts.status(), container.container_id);
}

// What the tasks of one scan share.
struct Scan {
  std::vector<ScannedContainer> containers;
  Mutex mutex;
  size_t left ABSL_GUARDED_BY(mutex) = 0;
};

}  // namespace

absl::Status CheckOwner(const ExecutorFacts& facts,
                        const std::string& container_id) {
  if (facts.intent.container_id() == container_id) return absl::OkStatus();
  return absl::DataLossError(absl::StrCat("container ", container_id,
                                          ": the journal in its directory "
                                          "is that of ",
                                          facts.intent.container_id()));
}

std::vector<Damage> CheckpointDamage(
    const AgentStore& store, const absl::StatusOr<v1::AgentRecord>& agent,
    const std::vector<ScannedContainer>& containers) {
  const Layout& layout = store.layout();
  std::vector<Damage> damage;
  if (!agent.ok() && !absl::IsNotFound(agent.status())) {
    damage.push_back(MakeDamage(layout.AgentRecord(), agent.status()));
  }
  const absl::StatusOr<AgentStore::Frameworks> frameworks =
      store.LoadFrameworks();
  if (frameworks.ok()) {
    for (const auto& [file, status] : frameworks->damaged) {
      damage.push_back(MakeDamage(file, status));
    }
  } else if (!absl::IsNotFound(frameworks.status())) {
    damage.push_back(MakeDamage(layout.Frameworks(), frameworks.status()));
  }
  for (const ScannedContainer& container : containers) {
    if (!container.IsDamaged()) continue;
    damage.push_back(DamageOf(layout, container));
  }
  return damage;
}

absl::StatusOr<std::vector<ScannedContainer>> ScanCheckpointNow(
    Files& files, const Layout& layout) {
  HOLDFAST_ASSIGN_OR_RETURN(
      std::vector<ScannedContainer> containers,
      ListContainers(files, layout, /*may_be_missing=*/true));
  for (ScannedContainer& container : containers) {
    Look(files, layout, container);
  }
  return Together(files, layout, std::move(containers));
}

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
      scan->containers = Together(files, layout, std::move(scan->containers));
      loop.Post([scan, done] { done(std::move(scan->containers)); });
    });
  }
}

std::vector<Damage> GiveNames(Files& files, const Layout& layout,
                              std::vector<ScannedContainer>& containers) {
  bool renamed = false;
  std::vector<Damage> damage;
  for (ScannedContainer& container : containers) {
    // What cannot be read keeps the name that it is told by.
    if (!container.has_spare_name || !container.facts.ok()) continue;
    // The one in its name is that only where the first rename was synced.
    const std::string id = container.facts->intent.container_id();
    if (const absl::Status named =
            files.Rename(layout.Executor(container.container_id, true),
                         layout.Executor(id, true));
        !named.ok()) {
      container.facts = named;
      container.has_no_name = true;
      damage.push_back(DamageOf(layout, container));
      damage.back().cure =
          "find out why the disk does not rename its directory, or start with "
          "--strict=false: it is left as it is, and the others go on";
      continue;
    }
    container.container_id = id;
    container.has_spare_name = false;
    renamed = true;
  }
  if (!renamed) return damage;
  HOLDFAST_FAILPOINT(NamesGiven);
  const absl::Status synced =
      files.SyncDirectory(layout.Executors(/*checkpoint=*/true));
  // A power cut may then take the names back, and they are given once more.
  if (!synced.ok()) Log(Severity::kWarning, synced.message());
  return damage;
}

}  // namespace holdfast
