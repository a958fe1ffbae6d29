#include "api/time_convert.h"

#include <algorithm>

namespace holdfast {
namespace {

// Ten thousand years: what google.protobuf.Duration may hold.
constexpr absl::Duration kLongest = absl::Seconds(315'576'000'000);

}  // namespace

google::protobuf::Timestamp ToProto(absl::Time time) {
  const absl::Duration since_epoch = time - absl::UnixEpoch();
  absl::Duration rest;
  google::protobuf::Timestamp timestamp;
  timestamp.set_seconds(
      absl::IDivDuration(since_epoch, absl::Seconds(1), &rest));
  timestamp.set_nanos(static_cast<int>(absl::ToInt64Nanoseconds(rest)));
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
