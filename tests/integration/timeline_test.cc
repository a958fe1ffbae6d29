// What happened to a task, by the records of its executor.

#include <signal.h>

#include "api/time_convert.h"
#include "gmock/gmock.h"
#include "tests/integration/agent_fixture.h"

namespace holdfast {
namespace {

using Event = v1::TimelineEvent;

class Timeline : public AgentTest {
 protected:
  std::vector<Event> Events(const std::string& task_id) {
    v1::GetTimelineRequest request;
    request.set_task_id(task_id);
    const auto response = Must(client().Call(&Stub::GetTimeline, request));
    return {response.events().begin(), response.events().end()};
  }
  static std::vector<std::string> Kinds(const std::vector<Event>& events) {
    std::vector<std::string> kinds;
    for (const Event& event : events) {
      kinds.push_back(Event::Kind_Name(event.kind()));
    }
    return kinds;
  }
};

TEST_F(Timeline, TellsALifeInOrder) {
  Register(kFramework);
  Watch(kFramework);
  const v1::Task task = Launch(ShellTask("life", "exec sleep 1000"));
  AwaitRunning({"life"});
  RestartAgent();
  ASSERT_EQ(
      ctl::RunCtl(address(), {"lease", "timeout", "1h", "life"}).exit_code, 0);
  ProcessWatch(task.shim_pid()).Kill(SIGKILL);
  ASSERT_TRUE(Eventually([&] {
    const v1::Task now = Get("life").task();
    return now.attached() && now.shim_pid() != task.shim_pid();
  }));
  ASSERT_TRUE(Kill("life", absl::Seconds(5)).ok());
  AwaitEnd("life");

  const std::vector<Event> events = Events("life");

  EXPECT_THAT(
      Kinds(events),
      testing::ElementsAre("LAUNCH", "STARTED", "UPDATE", "ACKNOWLEDGED",
                           "AGENT_LOST", "FENCE_ARMED", "REATTACHED",
                           "LIMITS_CHANGED", "SHIM_REPLACED", "KILL_REQUESTED",
                           "EXITED", "UPDATE", "DELIVERED", "ACKNOWLEDGED"));
  for (size_t i = 0; i < events.size(); ++i) {
    EXPECT_TRUE(events[i].has_time()) << i;
    if (i == 0) continue;
    EXPECT_GE(FromProto(events[i].time()), FromProto(events[i - 1].time()));
  }
  EXPECT_EQ(events[2].uuid(), events[3].uuid());
  EXPECT_EQ(events[7].message(), "recovery_timeout 1h");
}

TEST_F(Timeline, OfAnEndedExecutorIsReadFromItsJournal) {
  Register(kFramework);
  Watch(kFramework);
  Launch(ShellTask("ended", "exit 7"));
  AwaitEnd("ended");
  const std::vector<std::string> before = Kinds(Events("ended"));

  RestartAgent();

  std::vector<std::string> expected;
  for (const std::string& kind : before) {
    if (kind != "DELIVERED") expected.push_back(kind);  // that life knew
  }
  EXPECT_EQ(Kinds(Events("ended")), expected);
  EXPECT_EQ(expected.back(), "ACKNOWLEDGED");
}

TEST_F(Timeline, IsShownToPeople) {
  Register(kFramework);
  Watch(kFramework);
  Launch(ShellTask("shown", "exit 7"));
  AwaitEnd("shown");

  const auto table = ctl::RunCtl(address(), {"timeline", "shown"});
  const auto json = ctl::RunCtl(address(), {"timeline", "shown", "-o", "json"});
  const auto none = ctl::RunCtl(address(), {"timeline", "none"});

  EXPECT_EQ(table.exit_code, 0) << table.err;
  EXPECT_THAT(table.out, testing::HasSubstr("EXITED"));
  EXPECT_THAT(table.out, testing::HasSubstr("status 7"));
  EXPECT_THAT(json.out, testing::HasSubstr("\"kind\": \"EXITED\""));
  EXPECT_EQ(none.exit_code, 1);
  EXPECT_THAT(none.err, testing::HasSubstr("TASK_UNKNOWN"));
}

}  // namespace
}  // namespace holdfast
