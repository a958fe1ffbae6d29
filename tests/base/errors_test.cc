#include "base/errors.h"

#include <errno.h>
#include <gtest/gtest.h>

#include "absl/status/statusor.h"
#include "absl/strings/cord.h"

namespace holdfast {
namespace {

TEST(Errors, NameTheCallAndItsObject) {
  const absl::Status status = ErrnoStatus(ENOSPC, "openat", "meta/a.record");

  EXPECT_TRUE(absl::IsResourceExhausted(status));
  EXPECT_EQ(status.message(), "openat meta/a.record: No space left on device");
}

TEST(Errors, SayWhatTheCallerMayDo) {
  EXPECT_EQ(ErrnoToCode(0), absl::StatusCode::kOk);
  EXPECT_EQ(ErrnoToCode(ESRCH), absl::StatusCode::kNotFound);
  EXPECT_EQ(ErrnoToCode(EAGAIN), absl::StatusCode::kUnavailable);
  EXPECT_EQ(ErrnoToCode(EEXIST), absl::StatusCode::kAlreadyExists);
  EXPECT_EQ(ErrnoToCode(EIO), absl::StatusCode::kInternal);
}

TEST(Errors, SurviveANumberWithoutAName) {
  EXPECT_EQ(ErrnoStatus(54321, "read", "x").message().substr(0, 8), "read x: ");
}

TEST(Annotate, PutsTheFloorAboveBeforeTheOneBelow) {
  absl::Status below = absl::DataLossError("bad frame");
  below.SetPayload("type", absl::Cord("detail"));

  const absl::Status above = Annotate(below, "recover e-7");

  EXPECT_TRUE(absl::IsDataLoss(above));
  EXPECT_EQ(above.message(), "recover e-7: bad frame");
  EXPECT_EQ(above.GetPayload("type"), absl::Cord("detail"));
  EXPECT_TRUE(Annotate(absl::OkStatus(), "recover e-7").ok());
}

absl::StatusOr<int> Half(int number) {
  if (number % 2 != 0) return absl::InvalidArgumentError("odd");
  return number / 2;
}

absl::StatusOr<int> Quarter(int number) {
  HOLDFAST_ASSIGN_OR_RETURN(const int half, Half(number));
  HOLDFAST_RETURN_IF_ERROR(Half(half).status());
  return Half(half);
}

TEST(Errors, LeaveTheFunction) {
  EXPECT_EQ(*Quarter(8), 2);
  EXPECT_TRUE(absl::IsInvalidArgument(Quarter(3).status()));
  EXPECT_TRUE(absl::IsInvalidArgument(Quarter(6).status()));
}

}  // namespace
}  // namespace holdfast
