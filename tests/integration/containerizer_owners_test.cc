// Several who call, and people who look on.

#include <set>

#include "absl/strings/str_cat.h"
#include "api/health.grpc.pb.h"
#include "api/owners.h"
#include "gmock/gmock.h"
#include "tests/integration/containerizer_fixture.h"

namespace holdfast {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class Owners : public ContainerizerTest {
 protected:
  using ContainerizerTest::ContainerizerTest;

  std::vector<std::string> Known(const std::string& owner) {
    v1::ContainersRequest request;
    request.set_owner(owner);
    const auto response = Must(containers().Insist(&Stub::Containers, request));
    return {response.container_ids().begin(), response.container_ids().end()};
  }
  ctl::CtlProcess::Result Ctl(const std::vector<std::string>& arguments) {
    return ctl::RunCtl(address(), arguments);
  }
};

TEST_F(Owners, HaveTheirIdsToThemselves) {
  const ProcessWatch mine(
      LaunchContainer("c-1", Shell("exec sleep 1000"), "mine"));
  const ProcessWatch yours(
      LaunchContainer("c-1", Shell("exec sleep 1000"), "yours"));

  ASSERT_TRUE(Destroy("c-1", absl::ZeroDuration(), "yours").ok());

  EXPECT_TRUE(mine.Runs());
  EXPECT_FALSE(yours.Runs());
  EXPECT_THAT(Known("mine"), ElementsAre("c-1"));
  EXPECT_THAT(Known("yours"), ElementsAre("c-1")) << "until it is removed";
  ASSERT_TRUE(RemoveContainer("c-1", "yours").ok());
  EXPECT_THAT(Known("yours"), IsEmpty());
  EXPECT_THAT(Known("strangers"), IsEmpty());
}

TEST_F(Owners, LaunchOneOnceHoweverManyAskAtOnce) {
  std::vector<std::future<v1::LaunchContainerResponse>> launches;
  for (int i = 0; i < 8; ++i) {
    launches.push_back(std::async(std::launch::async, [this] {
      return Must(TryLaunchContainer(
          "c-1", Shell(absl::StrCat("echo once >> ", Scratch("starts"),
                                    "; exec sleep 1000"))));
    }));
  }

  int succeeded = 0;
  std::set<int> pids;
  for (auto& launch : launches) {
    const v1::LaunchContainerResponse response = launch.get();
    pids.insert(response.pid());
    if (response.result() == v1::LaunchContainerResponse::SUCCESS) {
      ++succeeded;
    } else {
      EXPECT_EQ(response.result(),
                v1::LaunchContainerResponse::ALREADY_LAUNCHED);
    }
  }

  EXPECT_EQ(succeeded, 1);
  EXPECT_EQ(pids.size(), 1u);
  ASSERT_TRUE(Destroy("c-1").ok());
  EXPECT_EQ(Must(TryLaunchContainer("c-1", Shell("exec sleep 1000"))).result(),
            v1::LaunchContainerResponse::ALREADY_LAUNCHED)
      << "ended, and not removed";
}

TEST_F(Owners, AreAllToldOfAnEndAndMayAllRemoveIt) {
  LaunchContainer("c-1", Shell("exec sleep 1000"));
  std::vector<std::future<absl::StatusOr<v1::ContainerTermination>>> ends;
  for (int i = 0; i < 4; ++i) ends.push_back(WaitAside("c-1"));
  for (int i = 0; i < 4; ++i) {
    ends.push_back(std::async(std::launch::async, [this] {
      return Destroy("c-1", absl::Seconds(20));
    }));
  }
  for (auto& end : ends) {
    EXPECT_EQ(Must(end.get()).reason(), v1::REASON_TASK_KILLED_BY_REQUEST);
  }

  std::vector<std::future<absl::Status>> removals;
  for (int i = 0; i < 4; ++i) {
    removals.push_back(std::async(std::launch::async,
                                  [this] { return RemoveContainer("c-1"); }));
  }
  for (auto& removal : removals) {
    const absl::Status removed = removal.get();
    EXPECT_TRUE(removed.ok()) << removed;
  }
  EXPECT_THAT(Known(kOwner), IsEmpty());
}

TEST_F(Owners, MayStopWaiting) {
  const ProcessWatch process(LaunchContainer("c-1", Shell("exec sleep 1000")));

  const absl::Status status =
      containers()
          .Call(&Stub::Wait, About<v1::WaitContainerRequest>("c-1", kOwner),
                absl::Milliseconds(50))
          .status();

  EXPECT_TRUE(absl::IsDeadlineExceeded(status)) << status;
  EXPECT_TRUE(process.Runs());
  ASSERT_TRUE(Destroy("c-1").ok());
  EXPECT_TRUE(Wait("c-1").ok());
}

TEST_F(Owners, AreFrameworksThatOrchestratorsCannotBe) {
  LaunchContainer("c-1", Shell("exec sleep 1000"));
  const std::string framework_id = FrameworkOfOwner(kOwner);
  v1::RegisterFrameworkRequest registration;
  registration.mutable_framework()->set_framework_id(framework_id);
  v1::AcknowledgeUpdateRequest acknowledgement;
  acknowledgement.set_framework_id(framework_id);

  for (const absl::Status& status :
       {client().Call(&hack::Stub::RegisterFramework, registration).status(),
        TryLaunch(ShellTask("t", "true"), framework_id).status(),
        client()
            .Call(&hack::Stub::AcknowledgeUpdate, acknowledgement)
            .status()}) {
    EXPECT_TRUE(absl::IsInvalidArgument(status)) << status;
    EXPECT_THAT(std::string(status.message()), HasSubstr(framework_id));
  }
}

TEST_F(Owners, HaveContainersThatPeopleSeeAndEnd) {
  LaunchContainer("c-1", Shell("exec sleep 1000"));
  const std::string framework_id = FrameworkOfOwner(kOwner);
  ASSERT_TRUE(Eventually([&] {
    return Get("c-1").task().unacknowledged_updates() == 0;
  })) << "a start is nobody's to acknowledge";

  EXPECT_THAT(Ctl({"ps"}).out,
              AllOf(HasSubstr("c-1"), HasSubstr(framework_id),
                    HasSubstr("TASK_RUNNING"), HasSubstr("yes")));
  EXPECT_THAT(Ctl({"inspect", "c-1"}).out, HasSubstr(framework_id));
  EXPECT_THAT(Ctl({"lease", "ls"}).out, HasSubstr("c-1"));
  EXPECT_EQ(Ctl({"kill", "c-1"}).exit_code, 0);
  EXPECT_EQ(Must(Wait("c-1")).reason(), v1::REASON_TASK_KILLED_BY_REQUEST);
  EXPECT_EQ(Ctl({"wait", "c-1"}).exit_code, 128 + 15);
  EXPECT_THAT(Ctl({"timeline", "c-1"}).out,
              AllOf(HasSubstr("LAUNCH"), HasSubstr("KILL_REQUESTED"),
                    HasSubstr("EXITED")));

  const auto removed = Ctl({"rm", "c-1"});
  EXPECT_NE(removed.exit_code, 0) << "its owner may not have heard of its end";
  EXPECT_THAT(removed.err, HasSubstr("not acknowledged"));
  EXPECT_TRUE(RemoveContainer("c-1").ok());
  EXPECT_THAT(Ctl({"ps", "-a", "-q"}).out, "");
}

TEST_F(Owners, MayBeTornDown) {
  const ProcessWatch process(LaunchContainer("c-1", Shell("exec sleep 1000")));
  auto waiting = WaitAside("c-1");

  ASSERT_EQ(Ctl({"teardown", FrameworkOfOwner(kOwner)}).exit_code, 0);

  process.WaitForEnd(absl::Seconds(20));
  const auto end = waiting.get();
  // The call may have come when all was over.
  if (end.ok()) {
    EXPECT_EQ(end->reason(), v1::REASON_FRAMEWORK_REMOVED);
  } else {
    EXPECT_EQ(ReasonFrom(end.status()), "CONTAINER_UNKNOWN") << end.status();
  }
  ASSERT_TRUE(Eventually([&] { return Info().frameworks() == 0; }));
  v1::RecoverRequest again;
  again.set_owner(kOwner);
  EXPECT_EQ(Must(containers().Insist(&Stub::Recover, again)).containers_size(),
            0);
}

TEST_F(Owners, LaunchNothingOnAnAgentThatIsDrained) {
  LaunchContainer("c-1", Shell("exec sleep 1000"));
  Must(client().Call(&hack::Stub::Drain, v1::DrainRequest()));

  EXPECT_EQ(Must(Wait("c-1")).reason(), v1::REASON_AGENT_DRAINED);
  const absl::Status refused =
      TryLaunchContainer("c-2", Shell("true")).status();
  EXPECT_EQ(ReasonFrom(refused), "AGENT_DRAINING") << refused;
  EXPECT_EQ(Info().drain_state(), v1::GetAgentResponse::DRAINING)
      << "an end is not told before its container is removed";
  ASSERT_TRUE(RemoveContainer("c-1").ok());
  EXPECT_EQ(Info().drain_state(), v1::GetAgentResponse::DRAINED);
  Must(client().Call(&hack::Stub::Undrain, v1::UndrainRequest()));
}

class OwnersOfOldContainers : public Owners {
 protected:
  OwnersOfOldContainers()
      : Owners({"--gc_delay=1secs", "--disk_watch_interval=1secs"}) {}
};

TEST_F(OwnersOfOldContainers, KeepThemUntilTheyAreRemoved) {
  Register(kFramework);
  Watch(kFramework);
  LaunchContainer("c-1", Shell("exit 3"));
  ASSERT_EQ(Must(Wait("c-1")).exit_code(), 3);
  Launch(ShellTask("younger", "exit 0"));
  AwaitEnd("younger");

  ASSERT_TRUE(Eventually([&] { return List().size() == 1; }))
      << "what ended later, and is acknowledged, goes by itself";

  EXPECT_EQ(Must(Wait("c-1")).exit_code(), 3);
}

TEST_F(Owners, FindTheServiceByItsNameInTheHealthCheck) {
  const auto stub = grpc::health::v1::Health::NewStub(
      grpc::CreateChannel(address(), grpc::InsecureChannelCredentials()));
  WaitUntilRecovered();
  grpc::health::v1::HealthCheckRequest request;
  request.set_service("holdfast.v1.Containerizer");
  grpc::health::v1::HealthCheckResponse response;

  EXPECT_TRUE(Eventually([&] {
    grpc::ClientContext context;
    return stub->Check(&context, request, &response).ok() &&
           response.status() == grpc::health::v1::HealthCheckResponse::SERVING;
  }));
}

}  // namespace
}  // namespace holdfast
