#include "api/time_convert.h"

#include <algorithm>

namespace holdfast {
namespace {

// Ten thousand years: what google.protobuf.Duration may hold.
constexpr absl::Duration kLongest = absl::Seconds(315'576'000'000);
// The years 1 to 9999: what google.protobuf.Timestamp may hold.
constexpr absl::Duration kFirst = absl::Seconds(-62'135'596'800);
constexpr absl::Duration kEnd = absl::Seconds(253'402'300'800);

}  // namespace

google::protobuf::Timestamp ToProto(absl::Time time) {
  const absl::Duration since_epoch =
      std::clamp(time - absl::UnixEpoch(), kFirst, kEnd - absl::Nanoseconds(1));
  // Its nanoseconds count forward, before 1970 too.
  const absl::Duration whole = absl::Floor(since_epoch, absl::Seconds(1));
  google::protobuf::Timestamp timestamp;
  timestamp.set_seconds(absl::ToInt64Seconds(whole));
  timestamp.set_nanos(
      static_cast<int>(absl::ToInt64Nanoseconds(since_epoch - whole)));
  return timestamp;
}

google::protobuf::Duration ToProto(absl::Duration duration) {
  const absl::Duration clamped = std::clamp(duration, -kLongest, kLongest);
  absl::Duration rest;
  google::protobuf::Duration proto;
  proto.set_seconds(absl::IDivDuration(clamped, absl::Seconds(1), &rest));
  proto.set_nanos(static_cast<int>(absl::ToInt64Nanoseconds(rest)));
  return proto;
}

absl::Time FromProto(const google::protobuf::Timestamp& timestamp) {
  return absl::UnixEpoch() + absl::Seconds(timestamp.seconds()) +
         absl::Nanoseconds(timestamp.nanos());
}

absl::Duration FromProto(const google::protobuf::Duration& duration) {
  return absl::Seconds(duration.seconds()) +
         absl::Nanoseconds(duration.nanos());
}

}  // namespace holdfast
