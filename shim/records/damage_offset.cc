#include "shim/records/damage_offset.h"

#include "absl/strings/cord.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

namespace holdfast {
namespace {

constexpr char kOffsetPayload[] = "holdfast/offset";
constexpr char kFollowedPayload[] = "holdfast/followed";

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

absl::Status AsFollowed(absl::Status status) {
  if (!status.ok()) status.SetPayload(kFollowedPayload, absl::Cord());
  return status;
}

bool IsFollowed(const absl::Status& status) {
  return status.GetPayload(kFollowedPayload).has_value();
}

}  // namespace holdfast
