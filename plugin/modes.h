#pragma once

#include "absl/strings/string_view.h"

namespace holdfast {

// What an operator chooses between; the names are those of the flags' values.

// --recover. kCleanup ends every executor and then the plugin.
enum class RecoverMode { kReconnect, kCleanup };

// --reconfiguration_policy: what of AgentInfo may differ from the stored one.
enum class ReconfigurationPolicy { kEqual, kAdditive, kAny };

// --orphans: what is done to processes under our cgroup root that are in no
// journal. kQuarantine freezes them.
enum class OrphanPolicy { kLeave, kQuarantine, kKill };

constexpr absl::string_view Name(RecoverMode mode) {
  switch (mode) {
    case RecoverMode::kReconnect:
      return "reconnect";
    case RecoverMode::kCleanup:
      return "cleanup";
  }
  return "";
}

constexpr absl::string_view Name(ReconfigurationPolicy policy) {
  switch (policy) {
    case ReconfigurationPolicy::kEqual:
      return "equal";
    case ReconfigurationPolicy::kAdditive:
      return "additive";
    case ReconfigurationPolicy::kAny:
      return "any";
  }
  return "";
}

constexpr absl::string_view Name(OrphanPolicy policy) {
  switch (policy) {
    case OrphanPolicy::kLeave:
      return "leave";
    case OrphanPolicy::kQuarantine:
      return "quarantine";
    case OrphanPolicy::kKill:
      return "kill";
  }
  return "";
}

}  // namespace holdfast
