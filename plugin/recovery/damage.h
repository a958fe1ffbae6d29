#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "api/orchestrator.pb.h"

namespace holdfast {

// One damaged place of a checkpoint: what is told of it, whoever finds it (the
// plugin's start, fsck, a plan) and whoever reads it (a log, a person, a call).
struct Damage {
  std::string file;
  std::optional<uint64_t> offset_bytes;
  std::string what;
  std::string cure;
  std::string container_id;  // empty: not an executor's
};

// What a reader of `file` said, and what can be done about it. The status's
// text may begin with the file's name; the damage's does not.
Damage MakeDamage(const std::string& file, const absl::Status& status,
                  const std::string& container_id = "");

v1::GetRecoveryResponse::Damage ToProto(const Damage& damage);
Damage FromProto(const v1::GetRecoveryResponse::Damage& damage);

// One line of the log each.
void LogDamage(const Damage& damage);

// For a person, some lines each:
//   1. /var/lib/holdfast/executors/c-7/journal, at byte 1234
//      what:  bad frame at offset 1234, and a good one at offset 2000
//      cure:  …
std::string DamageText(absl::Span<const Damage> damage);

}  // namespace holdfast
