#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "api/orchestrator.pb.h"
#include "base/files.h"
#include "plugin/checkpoint/layout.h"
#include "plugin/modes.h"

namespace holdfast {

struct PlanOptions {
  RecoverMode recover = RecoverMode::kReconnect;
  bool strict = true;
  std::string boot_id;  // the host's
  // Empty: nobody knows it, and orphans are not looked for.
  std::string cgroups_root;
  // How long each shim may take to answer.
  absl::Duration patience = absl::Seconds(2);
};

// What a start of the plugin with these options would find and decide, by the
// same evidence and the same rule (decision.h), changing nothing, whether a
// plugin runs or not. Where strict would refuse, `complete` is false and every
// executor PENDING with the reason STRICT_REFUSES: it would live on untouched.
// NotFound, PermissionDenied: work_dir cannot be read.
absl::StatusOr<v1::GetRecoveryResponse> PlanRecovery(
    Files& files, const Layout& layout, const PlanOptions& options);

}  // namespace holdfast
