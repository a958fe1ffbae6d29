#include "shim/records/damage_offset.h"

#include "absl/strings/cord.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

namespace holdfast {
namespace {

constexpr char kOffsetPayload[] = "holdfast/offset";

}  // namespace

absl::Status WithOffset(absl::Status status, uint64_t offset) {
  if (!status.ok()) {
    status.SetPayload(kOffsetPayload, absl::Cord(absl::StrCat(offset)));
  }
  return status;
}

std::optional<uint64_t> OffsetOf(const absl::Status& status) {
  const absl::optional<absl::Cord> payload = status.GetPayload(kOffsetPayload);
  uint64_t offset;
  if (!payload || !absl::SimpleAtoi(std::string(*payload), &offset)) return {};
  return offset;
}

}  // namespace holdfast
