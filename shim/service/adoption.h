#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "api/records.pb.h"
#include "base/pidfd.h"
#include "shim/executor/process_group.h"

namespace holdfast::shim {

struct FoundProcess {
  Pidfd process;        // none: it is gone
  std::string absence;  // then: what is there instead, for a person
};

// The process that a former shim started in `group`, by all that was recorded
// of it: its pid, its start time, and that it still is in its group (a zombie
// is in none, and is nobody's to signal), whose identity `group` has seen to.
// Its boot id was compared by the agent that started this shim. An error:
// nobody knows.
absl::StatusOr<FoundProcess> FindProcess(const v1::Started& started,
                                         const ProcessGroup& group);

}  // namespace holdfast::shim
