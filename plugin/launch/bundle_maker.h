#pragma once

#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "api/records.pb.h"
#include "base/files.h"
#include "plugin/checkpoint/layout.h"
#include "plugin/launch/spare_pool.h"
#include "shim/bundle/executor_journal.h"

namespace holdfast {

// Gives an executor its directory, in two steps. Where one was made ahead
// (SparePool) they take two renames and one write. Any thread; may wait for a
// disk.
class BundleMaker {
 public:
  // A directory that carries the executor's id from now on: whatever else is
  // made for it is found again, whenever we die.
  struct Claim {
    std::string container_id;
    std::optional<Journal> journal;  // it was made ahead
  };
  struct Bundle {
    ExecutorJournal journal;
    // Its name is on disk. Where it is not, recovery finds the executor all
    // the same (plugin/recovery/checkpoint_scan.h) if the file system renames
    // wholly or not at all; SyncNames, before anyone hears of it, makes sure.
    bool named;
  };

  BundleMaker(Files& files, const Layout& layout, size_t spares)
      : files_(files), layout_(layout), spares_(files, layout, spares) {}

  absl::StatusOr<Claim> ClaimDirectory(const std::string& container_id,
                                       bool checkpoint);

  // The journal with the intent, durable.
  absl::StatusOr<Bundle> Begin(Claim claim, const v1::Intent& intent);

  // After an error, and for what is not at the executor's own path.
  absl::Status Abandon(const std::string& container_id);

  absl::Status SyncNames() {
    return files_.SyncDirectory(layout_.Executors(/*checkpoint=*/true));
  }

  SparePool& spares() { return spares_; }

 private:
  absl::StatusOr<Bundle> BeginAhead(Journal journal, const v1::Intent& intent);
  absl::StatusOr<Bundle> BeginAnew(const v1::Intent& intent);

  Files& files_;
  const Layout layout_;
  SparePool spares_;
};

}  // namespace holdfast
