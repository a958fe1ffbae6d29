// Debian's containerd under its own unit, systemd and pure cgroup v2, as on a
// node.

#include <string>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/vm/containerd_unit.h"
#include "tests/vm/guest.h"

namespace holdfast::vm {
namespace {

using testing::EndsWith;
using testing::HasSubstr;
using testing::StartsWith;

constexpr char kDropIn[] = "/run/systemd/system/containerd.service.d";
constexpr char kRuntimeConfig[] = "/etc/containerd/holdfast.toml";

// Exits 7 when it is told to end.
constexpr char kObedient[] =
    R"(sh -c 'trap "exit 7" TERM; while :; do sleep 0.1; done')";

class ContainerdUnitTest : public ContainerdUnit {
 protected:
  static void SetUpTestSuite() {
    if (!IsPacked()) return;
    ContainerdUnit::SetUpTestSuite();
    Write(kRuntimeConfig, "SystemdCgroup = true\n");
  }
  static pid_t RunDetached(const std::string& id,
                           const std::string& flags = "") {
    Run(absl::StrCat("-d ", flags), id, kObedient);
    const Task task = Look(id);
    EXPECT_EQ(task.state, "RUNNING");
    return task.pid;
  }

  // It is the same, and is served.
  static void ExpectServed(const std::string& id, pid_t pid) {
    EXPECT_TRUE(Eventually(
        [] { return Property("containerd", "ActiveState") == "active"; }));
    EXPECT_TRUE(Eventually([&] { return Look(id).state == "RUNNING"; }));
    EXPECT_EQ(Look(id).pid, pid);
    EXPECT_EQ(Exec(id, "echo on"), "on");
  }
};

TEST_F(ContainerdUnitTest, OfDebianRestartsWithoutItsContainers) {
  const pid_t pid = RunDetached("c1");

  Sh("systemctl restart containerd");

  ExpectServed("c1", pid);
  EXPECT_THAT(CgroupOf(std::stoi(Shims())), StartsWith("/holdfast"));
}

TEST_F(ContainerdUnitTest, WithSystemdsDefaultKillModeEndsNoContainer) {
  Write(absl::StrCat(kDropIn, "/kill.conf"),
        "[Service]\nKillMode=control-group\nRestartSec=100ms\n");
  Sh("systemctl daemon-reload; systemctl restart containerd");
  ASSERT_EQ(Property("containerd", "KillMode"), "control-group");
  const pid_t pid = RunDetached("c1");

  Sh("systemctl restart containerd");
  ExpectServed("c1", pid);
  const std::string killed = Property("containerd", "MainPID");
  Sh("systemctl kill -s KILL containerd");
  EXPECT_TRUE(Eventually([&] {
    const std::string main_pid = Property("containerd", "MainPID");
    return main_pid != killed && main_pid != "0";
  }));
  ExpectServed("c1", pid);
  Sh("systemctl daemon-reexec");
  ExpectServed("c1", pid);
}

TEST_F(ContainerdUnitTest, ThatIsStoppedLosesNoExit) {
  const pid_t pid = RunDetached("c1");

  Sh("systemctl stop containerd");
  Sh(absl::StrCat("kill -TERM ", pid));
  EXPECT_TRUE(Eventually([&] {
    return Sh(absl::StrCat("cat /proc/", pid, "/comm || true"))
               .find("No such") != std::string::npos;
  }));
  Sh("systemctl start containerd");

  EXPECT_TRUE(Eventually([] { return Look("c1").state == "STOPPED"; }));
  EXPECT_THAT(Sh("ctr task rm c1 || true"), HasSubstr("exit code 7"));
}

TEST_F(ContainerdUnitTest, HasContainersInScopesOfSystemd) {
  const pid_t pid =
      RunDetached("c1", absl::StrCat("--runtime-config-path ", kRuntimeConfig,
                                     " --cgroup system.slice:ctr:c1"
                                     " --memory-limit 50000000"));

  EXPECT_EQ(CgroupOf(pid), "/system.slice/ctr-c1.scope");
  EXPECT_EQ(Property("ctr-c1.scope", "ActiveState"), "active");
  EXPECT_EQ(GroupFile("/system.slice/ctr-c1.scope", "memory.max"), "49999872");
  EXPECT_THAT(Sh("ctr task metrics c1"), HasSubstr("49999872"));
  Sh("systemctl daemon-reload; systemctl restart containerd");
  ExpectServed("c1", pid);
  EXPECT_EQ(CgroupOf(pid), "/system.slice/ctr-c1.scope");
}

TEST_F(ContainerdUnitTest, TellsOfAContainerThatIsOutOfMemory) {
  Sh("systemd-run --quiet --unit=listener --property=StandardOutput="
     "truncate:/run/events ctr events");
  EXPECT_TRUE(Eventually([] {
    Sh("ctr namespaces label default seen=yes");
    return Sh("cat /run/events").find("/namespaces/") != std::string::npos;
  }));

  EXPECT_THAT(Run("--rm --memory-limit 20000000", "c1",
                  "sh -c 'tail /dev/zero'; echo it was $?"),
              EndsWith("it was 137"));

  EXPECT_TRUE(Eventually([] {
    return Sh("cat /run/events").find("/tasks/oom") != std::string::npos;
  })) << Sh("cat /run/events");
  Sh("systemctl stop listener");
}

}  // namespace
}  // namespace holdfast::vm
