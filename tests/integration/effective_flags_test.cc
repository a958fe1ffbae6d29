// What `holdfastctl info` tells of the flags: their values, and whose they
// are.

#include <unistd.h>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "tests/integration/agent_fixture.h"

namespace holdfast {
namespace {

using testing::AllOf;
using testing::ContainsRegex;
using testing::HasSubstr;

class EffectiveFlags : public AgentTest {
 protected:
  void RestartWith(std::vector<std::string> flags) {
    KillAgent();
    agent().SetFlags(std::move(flags));
    ASSERT_NO_FATAL_FAILURE(StartAgent());
    WaitUntilRecovered();
  }
  std::string InfoText() { return ctl::RunCtl(address(), {"info"}).out; }
};

TEST_F(EffectiveFlags, AreShownWithWhoeverSetThem) {
  const std::string file = Scratch("mesos-slave-common");
  WriteFile(file,
            "MESOS_RECOVERY_TIMEOUT=20mins\n"
            "export HOLDFAST_GC_DELAY=\"2days\"\n"
            "MESOS_ATTRIBUTES=rack:r7;weight:1.50\n"
            "MESOS_MASTER=zk://nowhere\n");

  ASSERT_NO_FATAL_FAILURE(RestartWith({"--env_file", file, "--orphans=kill",
                                       "--resources=cpus:4;ports:[5-9,1-4]",
                                       "--reconfiguration_policy=any"}));

  const std::string info = InfoText();
  EXPECT_THAT(
      info,
      AllOf(ContainsRegex("attributes: +rack:r7;weight:1\\.5\n"),
            ContainsRegex("resources: +cpus:4;ports:\\[1-9\\];mem:[0-9]+\n"),
            ContainsRegex("--recover +reconnect +default\n"),
            ContainsRegex("--orphans +kill +flag\n"),
            ContainsRegex("--resources +cpus:4;ports:\\[1-9\\];mem:[0-9]+ +"
                          "flag, the rest detected\n"),
            ContainsRegex("--hostname +[^ ]+ +detected\n")));
  EXPECT_THAT(info,
              ContainsRegex(absl::StrCat("--recovery_timeout +20mins +", file,
                                         ":1 MESOS_RECOVERY_TIMEOUT\n")));
  EXPECT_THAT(info, ContainsRegex(absl::StrCat("--gc_delay +2days +", file,
                                               ":2 HOLDFAST_GC_DELAY\n")));
  EXPECT_THAT(AgentLog(), HasSubstr("ignored=MESOS_MASTER"));
}

TEST_F(EffectiveFlags, AreInForce) {
  const std::string file = Scratch("env");
  WriteFile(file, "MESOS_RECOVERY_TIMEOUT=20mins\n");
  ASSERT_NO_FATAL_FAILURE(RestartWith({"--env_file=" + file}));
  Register(kFramework);

  const v1::Task task = Launch(ShellTask("any", "sleep 1000"));

  EXPECT_EQ(FromProto(task.recovery_timeout()), absl::Minutes(20));
}

TEST_F(EffectiveFlags, HaveTheirDefaultsWithoutAnybodysWord) {
  const std::string info = InfoText();

  for (const char* line :
       {"--agent_ping_timeout +15secs +default\n",
        "--max_agent_ping_timeouts +5 +default\n",
        "--gc_delay +1weeks +default\n",
        "--disk_watch_interval +1mins +default\n",
        "--orphans +leave +default\n",
        "--reconfiguration_policy +equal +default\n",
        "--executor_reregistration_timeout +0 +default\n",
        "--recovery_timeout +15mins +default\n", "--strict +true +default\n",
        "--resources +cpus:[0-9]+;mem:[0-9]+ +detected\n"}) {
    EXPECT_THAT(info, ContainsRegex(line));
  }
}

}  // namespace
}  // namespace holdfast
