#include "shim/client/executor_driver.h"

#include <string>
#include <vector>

#include "base/unix_socket.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/shim/client/driver_fixture.h"
#include "tests/shim/client/fake_shim.h"

namespace holdfast {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

using Driver = DriverTest;

TEST_F(Driver, HandsOnWhatTheShimSaysInItsOrder) {
  StartShim();
  StartDriver();

  shim_->SayLaunch("t-1", "one");
  shim_->SayLaunch("t-2", "two");
  shim_->SayKill("t-1", absl::Seconds(7));

  EXPECT_THAT(shim_->AwaitStatuses(3),
              ElementsAre("t-1 TASK_RUNNING one", "t-2 TASK_RUNNING two",
                          "t-1 TASK_KILLED 7s"));
}

TEST_F(Driver, ReturnsFromAShutdownOnceAllIsAcknowledged) {
  StartShim();
  StartDriver();
  shim_->SayLaunch("t-1", "");

  shim_->SayShutdown(absl::Seconds(5));

  EXPECT_EQ(Ended(), absl::OkStatus());
  EXPECT_THAT(shim_->AwaitStatuses(1), ElementsAre("t-1 TASK_RUNNING "));
}

TEST_F(Driver, SaysToTheNextShimWhatTheLastDidNotAcknowledge) {
  StartShim(/*acknowledging=*/false);
  StartDriver();
  driver_->SendUpdate("t-1", v1::TASK_RUNNING);
  driver_->SendUpdate("t-2", v1::TASK_RUNNING);
  const std::vector<v1::ExecutorCall::Update> first = shim_->AwaitUpdates(2);

  shim_.reset();
  driver_->SendUpdate("t-1", v1::TASK_FINISHED, "while there was none");
  StartShim();

  const std::vector<v1::ExecutorCall::Update> again = shim_->AwaitUpdates(3);
  ASSERT_EQ(again.size(), 3u);
  EXPECT_EQ(again[0].uuid(), first[0].uuid());
  EXPECT_EQ(again[1].uuid(), first[1].uuid());
  EXPECT_EQ(again[2].status().message(), "while there was none");
}

TEST_F(Driver, DoesNotRepeatWhatIsAcknowledged) {
  StartShim();
  StartDriver();
  driver_->SendUpdate("t-1", v1::TASK_RUNNING);
  shim_->SayLaunch("t-2", "");  // its update comes after the acknowledgement
  ASSERT_EQ(shim_->AwaitUpdates(2).size(), 2u);
  shim_->SetAcknowledging(false);
  driver_->SendUpdate("t-1", v1::TASK_FINISHED);
  ASSERT_EQ(shim_->AwaitUpdates(3).size(), 3u);

  StartShim();
  driver_->SendUpdate("t-2", v1::TASK_FINISHED);
  const std::vector<std::string> again = shim_->AwaitStatuses(2);

  EXPECT_THAT(again, ::testing::Not(::testing::Contains("t-1 TASK_RUNNING ")));
  EXPECT_THAT(again, ::testing::Contains("t-1 TASK_FINISHED "));
  EXPECT_THAT(again, ::testing::Contains("t-2 TASK_FINISHED "));
}

TEST_F(Driver, LaunchesATaskOnceThoughANewShimSaysItAgain) {
  StartShim(/*acknowledging=*/false);
  StartDriver();
  shim_->SayLaunch("t-1", "first");
  ASSERT_EQ(shim_->AwaitUpdates(1).size(), 1u);

  StartShim(/*acknowledging=*/false);
  shim_->SayLaunch("t-1", "again");
  shim_->SayLaunch("t-2", "new");

  EXPECT_THAT(shim_->AwaitStatuses(2),
              ElementsAre("t-1 TASK_RUNNING first", "t-2 TASK_RUNNING new"));
  driver_->Stop();
  StartShim();  // acknowledges, so that Run() returns
  EXPECT_EQ(Ended(), absl::OkStatus());
}

TEST_F(Driver, WaitsForTheAcknowledgementThoughItIsStopped) {
  StartShim(/*acknowledging=*/false);
  StartDriver();
  driver_->SendUpdate("t-1", v1::TASK_FINISHED);
  ASSERT_EQ(shim_->AwaitUpdates(1).size(), 1u);

  driver_->Stop();
  StartShim();

  EXPECT_EQ(Ended(), absl::OkStatus());
  EXPECT_THAT(shim_->AwaitStatuses(1), ElementsAre("t-1 TASK_FINISHED "));
}

TEST_F(Driver, IsStoppedBeforeItHasEverSeenAShim) {
  StartDriver();

  driver_->Stop();

  EXPECT_EQ(Ended(), absl::OkStatus());
}

TEST_F(Driver, GivesUpAfterTheRecoveryTimeout) {
  StartDriver(absl::Milliseconds(120));

  const absl::Status ended = Ended();

  EXPECT_TRUE(absl::IsDeadlineExceeded(ended)) << ended;
  EXPECT_THAT(std::string(ended.message()), HasSubstr("no shim for 120ms"));
}

TEST_F(Driver, GivesUpOnAShimThatDoesNotAnswer) {
  const UniqueFd hung = *ListenUnix(directory_ + "/socket", {});
  StartDriver(absl::Milliseconds(120));

  const absl::Status ended = Ended();

  EXPECT_TRUE(absl::IsDeadlineExceeded(ended)) << ended;
  EXPECT_THAT(std::string(ended.message()), HasSubstr("does not answer"));
}

TEST_F(Driver, IsServedThoughItWouldWaitForNoShim) {
  StartShim();
  StartDriver(absl::ZeroDuration());
  shim_->SayLaunch("t-1", "");
  ASSERT_EQ(shim_->AwaitUpdates(1).size(), 1u);

  shim_.reset();

  const absl::Status ended = Ended();
  EXPECT_TRUE(absl::IsDeadlineExceeded(ended)) << ended;
}

TEST_F(Driver, TakesItsEndpointInEachOfItsForms) {
  for (const char* prefix : {"unix:", "unix://"}) {
    StartShim();
    endpoint_ = prefix + directory_ + "/socket";
    StartDriver();

    shim_->SayShutdown(absl::Seconds(5));

    EXPECT_EQ(Ended(), absl::OkStatus()) << prefix;
  }
}

TEST_F(Driver, RefusesAnEndpointThatIsNone) {
  for (const char* endpoint : {"", "unix:", "unix://", "localhost:80"}) {
    endpoint_ = endpoint;
    StartDriver();

    EXPECT_TRUE(absl::IsInvalidArgument(Ended())) << endpoint;
  }
}

TEST_F(Driver, EndsWhereAnotherHasSubscribed) {
  StartShim();
  StartDriver();
  shim_->SayLaunch("t-1", "");
  ASSERT_EQ(shim_->AwaitUpdates(1).size(), 1u);

  shim_->EndAtNextCall({grpc::StatusCode::ABORTED, "subscribed again"});
  driver_->SendUpdate("t-1", v1::TASK_FINISHED);

  const absl::Status ended = Ended();
  EXPECT_TRUE(absl::IsAborted(ended)) << ended;
  EXPECT_EQ(ended.message(), "executor stream: subscribed again");
}

TEST(DriverFromEnvironment, NeedsAnEndpoint) {
  unsetenv("HOLDFAST_EXECUTOR_ENDPOINT");

  EXPECT_TRUE(
      absl::IsFailedPrecondition(ExecutorDriver::FromEnvironment({}).status()));
}

TEST(DriverFromEnvironment, RefusesATimeoutThatIsNone) {
  setenv("HOLDFAST_EXECUTOR_ENDPOINT", "unix:/nowhere", 1);
  for (const char* text : {"soon", "-1", "nan"}) {
    setenv("HOLDFAST_RECOVERY_TIMEOUT", text, 1);

    EXPECT_TRUE(
        absl::IsInvalidArgument(ExecutorDriver::FromEnvironment({}).status()))
        << text;
  }
  unsetenv("HOLDFAST_RECOVERY_TIMEOUT");
}

}  // namespace
}  // namespace holdfast
