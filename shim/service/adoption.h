#pragma once

#include "absl/status/statusor.h"
#include "api/records.pb.h"
#include "base/pidfd.h"

namespace holdfast::shim {

// The process that a former shim started, or none: it has ended. An error is
// neither.
absl::StatusOr<Pidfd> FindProcess(const v1::Started& started);

}  // namespace holdfast::shim
