#include "shim/rpc/grpc_timeout.h"

#include <algorithm>
#include <cstdint>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"

namespace holdfast::rpc {
namespace {

constexpr size_t kMaxDigits = 8;
constexpr int64_t kMaxCount = 99'999'999;

struct Unit {
  char letter;
  absl::Duration length;
};

// The finest first.
constexpr Unit kUnits[] = {
    {'n', absl::Nanoseconds(1)},  {'u', absl::Microseconds(1)},
    {'m', absl::Milliseconds(1)}, {'S', absl::Seconds(1)},
    {'M', absl::Minutes(1)},      {'H', absl::Hours(1)},
};

absl::Status Malformed(absl::string_view value) {
  return absl::InvalidArgumentError(
      absl::StrCat("grpc-timeout: no timeout: ", value));
}

}  // namespace

absl::StatusOr<absl::Duration> ParseGrpcTimeout(absl::string_view value) {
  if (value.size() < 2 || value.size() > kMaxDigits + 1) {
    return Malformed(value);
  }
  int64_t count = 0;
  for (const char digit : value.substr(0, value.size() - 1)) {
    if (!absl::ascii_isdigit(static_cast<unsigned char>(digit))) {
      return Malformed(value);
    }
    count = count * 10 + (digit - '0');
  }
  for (const Unit& unit : kUnits) {
    if (unit.letter == value.back()) return count * unit.length;
  }
  return Malformed(value);
}

std::string FormatGrpcTimeout(absl::Duration timeout) {
  timeout = std::max(timeout, absl::ZeroDuration());
  for (const Unit& unit : kUnits) {
    const absl::Duration whole = absl::Ceil(timeout, unit.length);
    if (whole <= kMaxCount * unit.length) {
      return absl::StrCat(whole / unit.length,
                          absl::string_view(&unit.letter, 1));
    }
  }
  return absl::StrCat(kMaxCount, "H");
}

}  // namespace holdfast::rpc
