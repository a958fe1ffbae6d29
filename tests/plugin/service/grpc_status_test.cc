#include "plugin/service/grpc_status.h"

#include <gtest/gtest.h>

#include "api/google_rpc.pb.h"
#include "api/reasons.h"

namespace holdfast {
namespace {

google::rpc::Status DetailsOf(const grpc::Status& status) {
  google::rpc::Status details;
  EXPECT_TRUE(details.ParseFromString(status.error_details()));
  return details;
}

TEST(GrpcStatus, OfNoErrorIsOk) {
  const grpc::Status status = ToGrpc(absl::OkStatus());

  EXPECT_TRUE(status.ok());
  EXPECT_TRUE(status.error_details().empty());
}

TEST(GrpcStatus, CarriesCodeAndTextInBothPlaces) {
  const grpc::Status status = ToGrpc(absl::NotFoundError("no task t-7"));

  EXPECT_EQ(status.error_code(), grpc::StatusCode::NOT_FOUND);
  EXPECT_EQ(status.error_message(), "no task t-7");
  EXPECT_EQ(DetailsOf(status).code(), 5);
  EXPECT_EQ(DetailsOf(status).message(), "no task t-7");
}

TEST(GrpcStatus, HasTheSameNumbersForAllCodes) {
  for (int code = 1; code <= 16; ++code) {
    const grpc::Status status =
        ToGrpc(absl::Status(static_cast<absl::StatusCode>(code), "x"));

    EXPECT_EQ(static_cast<int>(status.error_code()), code);
  }
}

TEST(GrpcStatus, TellsTheStableReason) {
  const google::rpc::Status details = DetailsOf(
      ToGrpc(WithReason(absl::NotFoundError("no task t-7"), "TASK_UNKNOWN")));

  ASSERT_EQ(details.details_size(), 1);
  google::rpc::ErrorInfo info;
  ASSERT_TRUE(details.details(0).UnpackTo(&info));
  EXPECT_EQ(info.reason(), "TASK_UNKNOWN");
  EXPECT_EQ(info.domain(), "holdfast");
}

TEST(GrpcStatus, NamesTheCodeWhereThereIsNoReason) {
  const google::rpc::Status details =
      DetailsOf(ToGrpc(absl::InvalidArgumentError("bad")));

  google::rpc::ErrorInfo info;
  ASSERT_TRUE(details.details(0).UnpackTo(&info));
  EXPECT_EQ(info.reason(), "INVALID_ARGUMENT");
}

TEST(GrpcStatus, SaysWhenToTryAgainWhereThatIsWorthIt) {
  const google::rpc::Status unavailable =
      DetailsOf(ToGrpc(absl::UnavailableError("recovering")));
  const google::rpc::Status refused =
      DetailsOf(ToGrpc(absl::FailedPreconditionError("no")));

  ASSERT_EQ(unavailable.details_size(), 2);
  google::rpc::RetryInfo retry;
  ASSERT_TRUE(unavailable.details(1).UnpackTo(&retry));
  EXPECT_GT(retry.retry_delay().nanos(), 0);
  EXPECT_EQ(refused.details_size(), 1);
}

}  // namespace
}  // namespace holdfast
