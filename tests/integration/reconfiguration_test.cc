// An agent that is told to be another one than it was: refused without
// touching anything, or accepted and stored.

#include <sysexits.h>

#include "absl/strings/str_cat.h"
#include "api/values.h"
#include "base/files.h"
#include "gmock/gmock.h"
#include "tests/integration/agent_fixture.h"

namespace holdfast {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

constexpr char kResources[] = "--resources=cpus:8;mem:1024;ports:[1-10]";
constexpr char kMoreResources[] = "--resources=cpus:9;mem:1024;ports:[1-20]";
constexpr char kLessResources[] = "--resources=cpus:8;mem:512;ports:[1-10]";
constexpr char kAdditive[] = "--reconfiguration_policy=additive";
constexpr char kAny[] = "--reconfiguration_policy=any";

class Reconfiguration : public AgentTest {
 protected:
  void SetUp() override {
    AgentTest::SetUp();
    if (IsSkipped()) return;
    // Configured from now on, which it was not.
    ASSERT_NO_FATAL_FAILURE(
        RestartWith({kResources, "--attributes=rack:a", kAny}));
    Register(kFramework);
    task_ = Launch(ShellTask("kept", "sleep 1000"));
  }

  void TearDown() override {
    if (IsSkipped()) return;
    // Whatever it is by now.
    KillAgentIfAny();
    agent().SetFlags({kAny});
    ASSERT_NO_FATAL_FAILURE(StartAgent());
    AgentTest::TearDown();
  }

  void KillAgentIfAny() {
    if (agent().pid() != 0) KillAgent();
  }

  void RestartWith(std::vector<std::string> flags) {
    KillAgentIfAny();
    agent().SetFlags(std::move(flags));
    ASSERT_NO_FATAL_FAILURE(StartAgent());
    WaitUntilRecovered();
  }

  // How it ended, and what it had to say since it was started.
  std::pair<std::string, std::string> StartInVain(
      std::vector<std::string> flags) {
    KillAgentIfAny();
    const size_t said = AgentLog().size();
    agent().SetFlags(std::move(flags));
    EXPECT_TRUE(agent().Spawn().ok());
    std::string how = AwaitAgentsEnd();
    return {how, AgentLog().substr(said)};
  }

  std::string Record() {
    return Must(ReadSmallFile(agent().work_dir() + "/meta/agent.record"));
  }

  v1::Task task_;
};

TEST_F(Reconfiguration, ThatIsRefusedTouchesNothing) {
  const ProcessWatch executor(task_.pid());
  const ProcessWatch shim(task_.shim_pid());
  const std::string record = Record();

  const auto [how, log] = StartInVain(
      {kLessResources, "--attributes=rack:b", "--hostname=other", kAdditive});

  EXPECT_EQ(how, absl::StrCat("exited ", EX_CONFIG));
  EXPECT_THAT(
      log,
      AllOf(HasSubstr("attribute rack: a -> b"), HasSubstr("hostname: "),
            HasSubstr(" -> other"), HasSubstr("resource mem: 1024 -> 512"),
            Not(HasSubstr("cpus")), HasSubstr("--reconfiguration_policy=any")));
  EXPECT_EQ(Record(), record);
  EXPECT_TRUE(executor.Runs());
  EXPECT_TRUE(shim.Runs());
  ASSERT_NO_FATAL_FAILURE(RestartWith({kResources, "--attributes=rack:a"}));
  EXPECT_EQ(Get("kept").task().pid(), task_.pid());
  EXPECT_TRUE(Get("kept").task().attached());
}

TEST_F(Reconfiguration, ThatIsRefusedOnceIsRefusedAgain) {
  for (int i = 0; i < 2; ++i) {
    const auto [how, log] =
        StartInVain({kMoreResources, "--attributes=rack:a"});
    EXPECT_EQ(how, absl::StrCat("exited ", EX_CONFIG));
    EXPECT_THAT(log, HasSubstr("--reconfiguration_policy=additive"));
  }
}

// Mesos never rewrites what it stored: each later start is compared with the
// first, and an addition of an addition may be refused.
TEST_F(Reconfiguration, ThatIsAcceptedIsStoredUnlikeInMesos) {
  const std::string agent_id = Info().agent().agent_id();

  ASSERT_NO_FATAL_FAILURE(
      RestartWith({kMoreResources, "--attributes=rack:a;zone:w", kAdditive}));

  EXPECT_EQ(Info().agent().agent_id(), agent_id);
  EXPECT_EQ(FormatResources(Info().agent()), "cpus:9;mem:1024;ports:[1-20]");
  EXPECT_TRUE(Get("kept").task().attached());
  // The new one is what a later start is compared with.
  const auto [how, log] =
      StartInVain({kResources, "--attributes=rack:a", kAdditive});
  EXPECT_EQ(how, absl::StrCat("exited ", EX_CONFIG));
  EXPECT_THAT(log, HasSubstr("attribute zone: w -> none"));
  ASSERT_NO_FATAL_FAILURE(
      RestartWith({kMoreResources, "--attributes=zone:w;rack:a"}));
  EXPECT_EQ(Info().agent().agent_id(), agent_id);
}

TEST_F(Reconfiguration, MayBeAnythingAfterAReboot) {
  const std::string agent_id = Info().agent().agent_id();
  const std::string boot_id_file = Scratch("boot_id");
  WriteFile(boot_id_file, "11111111-2222-3333-4444-555555555555\n");
  // No executor is to be mistaken for one of the other boot.
  EXPECT_TRUE(Kill("kept", absl::ZeroDuration()).ok());
  EXPECT_TRUE(Eventually([&] { return HasEnded("kept"); }));

  ASSERT_NO_FATAL_FAILURE(
      RestartWith({kLessResources, "--boot_id_file=" + boot_id_file}));

  EXPECT_EQ(Info().agent().agent_id(), agent_id);
  EXPECT_EQ(FormatResources(Info().agent()), "cpus:8;mem:512;ports:[1-10]");
  EXPECT_EQ(Info().agent().attributes_size(), 0);
}

}  // namespace
}  // namespace holdfast
