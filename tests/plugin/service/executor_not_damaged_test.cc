#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "base/unix_socket.h"
#include "shim/rpc/grpc_server.h"
#include "tests/plugin/service/executor_fixture.h"

// What has the codes of a damaged journal and is none: nobody may be told of
// damage, who would set the executor's files aside.

namespace holdfast {
namespace {

class ExecutorNotDamagedTest : public RecoveredExecutorTest {};

// With each code that a damaged journal has.
class Refusal : public ExecutorNotDamagedTest,
                public testing::WithParamInterface<absl::StatusCode> {
 protected:
  absl::Status Refuse() const { return {GetParam(), "not you"}; }
};
INSTANTIATE_TEST_SUITE_P(Codes, Refusal,
                         testing::Values(absl::StatusCode::kFailedPrecondition,
                                         absl::StatusCode::kDataLoss));

class RefusingHandler : public rpc::CallHandler {
 public:
  RefusingHandler(rpc::ServerCall& call, absl::Status status)
      : call_(call), status_(std::move(status)) {}
  void OnMessage(absl::string_view) override { call_.Finish(status_); }

 private:
  rpc::ServerCall& call_;
  const absl::Status status_;
};

TEST_P(Refusal, OfALivingShimIsNoDamage) {
  const auto journal = WriteJournal();
  rpc::GrpcServer shim(*loop_);
  int asked = 0;
  shim.AddMethod("/holdfast.v1.Shim/Attach", [&](rpc::ServerCall& call) {
    ++asked;
    return std::make_unique<RefusingHandler>(call, Refuse());
  });
  ASSERT_TRUE(
      shim.Listen(*ListenUnix(layout_.ShimSocket(kContainer), {})).ok());

  const auto executor = Recover();

  ASSERT_TRUE(RunUntil([&] { return asked >= 5; })) << "it is asked again";
  EXPECT_EQ(executor->state(), ExecutorState::kUnattached);
  EXPECT_EQ(executor->condition(), "not you");
  EXPECT_EQ(damaged_, 0);
}

TEST_P(Refusal, OfARollbackIsNoDamageAndIsTriedUntilItSucceeds) {
  WriteJournal().reset();
  cgroups_.Stick(Refuse());

  const auto executor = Recover();
  ASSERT_TRUE(RunUntil([&] { return cgroups_.kills() >= 5; }));

  EXPECT_EQ(executor->state(), ExecutorState::kUnattached);
  EXPECT_EQ(damaged_, 0);
  EXPECT_TRUE(
      ExecutorJournal::Peek(SystemFiles(), layout_.Journal(kContainer, true))
          .ok());
  cgroups_.Stick(absl::OkStatus());
  EXPECT_TRUE(
      RunUntil([&] { return executor->state() == ExecutorState::kGone; }));
  EXPECT_EQ(damaged_, 0);
}

TEST_F(ExecutorNotDamagedTest, ButOneWhoseJournalIsDamagedIs) {
  WriteJournal().reset();
  ASSERT_TRUE(ReplaceFile(SystemFiles(), layout_.Journal(kContainer, true),
                          "no journal at all")
                  .ok());

  const auto executor = Recover();

  EXPECT_TRUE(RunUntil([&] { return damaged_ == 1; }));
}

}  // namespace
}  // namespace holdfast
