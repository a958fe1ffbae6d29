#pragma once

#include <cstdint>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace holdfast {

// What a person writes in flags and options. InvalidArgument names the text
// and what it lacks; whoever knows the option's name adds it.

// A sequence of numbers with units, in Mesos' words and in Go's: "15mins",
// "75secs", "3s", "500ms", "1h30m", "1.5h"; also "0". Units: ns, us, ms,
// s sec secs, m min mins, h hr hrs, d day days, w week weeks. Never negative.
absl::StatusOr<absl::Duration> ParseDuration(absl::string_view text);

// A whole number with a unit, or of bytes without one: "64MiB", "64M",
// "64mb", "1GiB", "65536". Each unit is 1024 of the one below, also where it
// is spelt "mb" as Mesos does; letters may be of either case.
absl::StatusOr<uint64_t> ParseBytes(absl::string_view text);

}  // namespace holdfast
