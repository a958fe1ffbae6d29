// What has ended is kept for a while, and goes by itself; what its
// orchestrator has not acknowledged stays.

#include <unistd.h>

#include "tests/integration/checkpoint_fixture.h"

namespace holdfast {
namespace {

class Garbage : public DamageTest {
 protected:
  bool IsKept(const v1::Task& task) {
    return access(layout().Executor(task.container_id(), true).c_str(), F_OK) ==
           0;
  }
  void Acknowledge(const std::string& task_id) {
    const v1::GetTaskResponse known = Get(task_id);
    for (const std::string& uuid : known.unacknowledged_uuids()) {
      v1::AcknowledgeUpdateRequest request;
      request.set_framework_id("slow");
      request.set_task_id(task_id);
      request.set_uuid(uuid);
      Must(client().Call(&Stub::AcknowledgeUpdate, request));
    }
  }
};

TEST_F(Garbage, GoesWhenItIsOldEnoughAndAcknowledged) {
  KillAgent();
  StartWith({"--gc_delay=1secs", "--disk_watch_interval=1secs"});
  Register("slow");  // nobody watches it
  const v1::Task living = LaunchSleeper("living");
  const v1::Task done = Launch(ShellTask("done", "exit 0"));
  const v1::Task untold = Launch(ShellTask("untold", "exit 0"), "slow");
  AwaitEnd("done");
  EXPECT_TRUE(Eventually([&] { return HasEnded("untold"); }));

  EXPECT_TRUE(Eventually([&] { return !IsKept(done); }));

  EXPECT_TRUE(IsKept(untold)) << "its orchestrator has not heard of it";
  EXPECT_TRUE(IsKept(living));
  Acknowledge("untold");
  EXPECT_TRUE(Eventually([&] { return !IsKept(untold); }));
  EXPECT_TRUE(IsKept(living));
}

TEST_F(Garbage, IsFoundByTheNextAgentToo) {
  const v1::Task done = Launch(ShellTask("done", "exit 0"));
  AwaitEnd("done");
  EXPECT_TRUE(IsKept(done)) << "a week has not passed";
  KillAgent();

  StartWith({"--gc_delay=1secs", "--disk_watch_interval=1secs"});

  EXPECT_TRUE(Eventually([&] { return !IsKept(done); }));
}

}  // namespace
}  // namespace holdfast
