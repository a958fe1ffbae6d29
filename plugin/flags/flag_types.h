#pragma once

#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "api/types.pb.h"
#include "plugin/modes.h"

namespace holdfast {

// How the values of flags are written and read. What absl calls to parse one
// says in `error` what would have been allowed.

// As Mesos writes it: 15mins, 75secs, 500ms, 1weeks; and 15m, 1h30m.
struct DurationFlag {
  absl::Duration value;
};
bool AbslParseFlag(absl::string_view text, DurationFlag* flag,
                   std::string* error);
// "15mins", "1weeks": in the largest unit that is exact.
std::string AbslUnparseFlag(const DurationFlag& flag);

// From 0 to 1.
struct FractionFlag {
  double value;
};
bool AbslParseFlag(absl::string_view text, FractionFlag* flag,
                   std::string* error);
std::string AbslUnparseFlag(const FractionFlag& flag);

// 1 or more.
struct CountFlag {
  uint32_t value;
};
bool AbslParseFlag(absl::string_view text, CountFlag* flag, std::string* error);
std::string AbslUnparseFlag(const CountFlag& flag);

// A duration that is more than zero.
struct IntervalFlag {
  absl::Duration value;
};
bool AbslParseFlag(absl::string_view text, IntervalFlag* flag,
                   std::string* error);
std::string AbslUnparseFlag(const IntervalFlag& flag);

// "HOST:PORT", or empty.
struct AddressFlag {
  std::string value;
};
bool AbslParseFlag(absl::string_view text, AddressFlag* flag,
                   std::string* error);
std::string AbslUnparseFlag(const AddressFlag& flag);

// As api/values.h reads them; `text` as it was given.
struct ResourcesFlag {
  std::string text;
  v1::AgentInfo value;
};
bool AbslParseFlag(absl::string_view text, ResourcesFlag* flag,
                   std::string* error);
std::string AbslUnparseFlag(const ResourcesFlag& flag);

struct AttributesFlag {
  std::string text;
  v1::AgentInfo value;
};
bool AbslParseFlag(absl::string_view text, AttributesFlag* flag,
                   std::string* error);
std::string AbslUnparseFlag(const AttributesFlag& flag);

bool AbslParseFlag(absl::string_view text, RecoverMode* mode,
                   std::string* error);
bool AbslParseFlag(absl::string_view text, ReconfigurationPolicy* policy,
                   std::string* error);
bool AbslParseFlag(absl::string_view text, OrphanPolicy* policy,
                   std::string* error);
inline std::string AbslUnparseFlag(RecoverMode mode) {
  return std::string(Name(mode));
}
inline std::string AbslUnparseFlag(ReconfigurationPolicy policy) {
  return std::string(Name(policy));
}
inline std::string AbslUnparseFlag(OrphanPolicy policy) {
  return std::string(Name(policy));
}

}  // namespace holdfast
