#include "plugin/launch/spare_pool.h"

#include <sys/stat.h>

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/errors.h"
#include "base/failpoint.h"
#include "base/log.h"
#include "base/uuid.h"
#include "plugin/checkpoint/spare_directory.h"

namespace holdfast {
namespace {

// What is missing the launch and the shim make themselves.
void MakeRuntime(const std::string& path) {
  if (mkdir(path.c_str(), 0711) != 0) return;
  for (const char* name : {"/stdout", "/stderr"}) {
    (void)mkfifo(absl::StrCat(path, name).c_str(), 0600);
  }
}

}  // namespace

void SparePool::Open() {
  MutexLock lock(mutex_);
  open_ = true;
  RefillWhereLow();
}

std::optional<Spare> SparePool::Take() {
  MutexLock lock(mutex_);
  wanted_ = true;
  std::optional<Spare> spare;
  if (!spares_.empty()) {
    spare = std::move(spares_.back());
    spares_.pop_back();
  }
  RefillWhereLow();
  return spare;
}

void SparePool::RefillWhereLow() {
  if (!open_ || !wanted_ || refilling_ || spares_.size() + kBatch > size_) {
    return;
  }
  refilling_ = true;
  maker_.Run([this] { RefillBehind(); });
}

void SparePool::RefillBehind() {
  const absl::Status refilled = Refill();
  // Launches go on without; the next one tries again.
  if (!refilled.ok()) Log(Severity::kWarning, refilled.ToString());
  MutexLock lock(mutex_);
  refilling_ = false;
}

size_t SparePool::Missing() {
  MutexLock lock(mutex_);
  return open_ ? size_ - spares_.size() : 0;
}

absl::Status SparePool::Refill() {
  while (true) {
    MutexLock making(making_);
    const size_t missing = Missing();
    if (missing == 0) return absl::OkStatus();
    Batch batch;
    const absl::Status made = MakeBatch(std::min(missing, kBatch), batch);
    if (!made.ok()) {
      for (const Spare& spare : batch) (void)Remove(spare.id);
      return Annotate(made, "make directories ahead");
    }
    MutexLock lock(mutex_);
    for (Spare& spare : batch) spares_.push_back(std::move(spare));
  }
}

absl::Status SparePool::MakeBatch(size_t count, Batch& batch) {
  while (batch.size() < count) {
    HOLDFAST_ASSIGN_OR_RETURN(Spare spare, MakeOne());
    batch.push_back(std::move(spare));
  }
  // One for all of them.
  HOLDFAST_RETURN_IF_ERROR(
      files_.SyncDirectory(layout_.Executors(/*checkpoint=*/true)));
  HOLDFAST_FAILPOINT(SparesSynced);
  return absl::OkStatus();
}

absl::StatusOr<Spare> SparePool::MakeOne() {
  const std::string id = RandomUuid();
  const std::string path = SparePath(layout_, id);
  const auto make = [&]() -> absl::StatusOr<Spare> {
    HOLDFAST_RETURN_IF_ERROR(files_.MakeDirectory(path, 0711));
    HOLDFAST_RETURN_IF_ERROR(
        files_.MakeDirectory(absl::StrCat(path, "/sandbox"), 0750));
    HOLDFAST_RETURN_IF_ERROR(
        files_.Open(absl::StrCat(path, "/shim.log"), Files::Mode::kCreate)
            .status());
    HOLDFAST_ASSIGN_OR_RETURN(
        Journal journal,
        Journal::Put(files_, absl::StrCat(path, "/journal"), {}));
    HOLDFAST_RETURN_IF_ERROR(files_.SyncDirectory(path));
    HOLDFAST_FAILPOINT(SpareMade);
    MakeRuntime(layout_.Shim(SpareName(id)));
    return Spare{id, std::move(journal)};
  };
  absl::StatusOr<Spare> spare = make();
  if (!spare.ok()) (void)Remove(id);  // or the next start does
  return spare;
}

absl::Status SparePool::Remove(const std::string& id) {
  absl::Status removed = RemoveTree(layout_.Shim(SpareName(id)));
  removed.Update(RemoveTree(SparePath(layout_, id)));
  return removed;
}

void SparePool::Close() {
  MutexLock making(making_);  // what is being made is among them then
  std::vector<Spare> spares;
  {
    MutexLock lock(mutex_);
    open_ = false;
    spares.swap(spares_);
  }
  for (const Spare& spare : spares) {
    const absl::Status removed = Remove(spare.id);
    if (!removed.ok()) Log(Severity::kWarning, removed.ToString());
  }
}

}  // namespace holdfast
