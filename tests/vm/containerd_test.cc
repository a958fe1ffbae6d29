// Debian's containerd under its own unit, systemd and pure cgroup v2, as on a
// node. It is installed and started here: hack/vm test runs this in a machine
// of its own.

#include <filesystem>
#include <fstream>
#include <string>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/vm/guest.h"

namespace holdfast::vm {
namespace {

using testing::EndsWith;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::StartsWith;

constexpr char kPacked[] = "/share/containerd";
constexpr char kImage[] = "docker.io/library/busybox:local";
constexpr char kDropIn[] = "/run/systemd/system/containerd.service.d";
constexpr char kRuntimeConfig[] = "/etc/containerd/holdfast.toml";

// Exits 7 when it is told to end.
constexpr char kObedient[] =
    R"(sh -c 'trap "exit 7" TERM; while :; do sleep 0.1; done')";

void Write(const std::string& path, const std::string& text) {
  std::filesystem::create_directories(
      std::filesystem::path(path).parent_path());
  std::ofstream(path) << text;
}

class ContainerdUnit : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    if (!std::filesystem::exists(kPacked)) return;
    for (const char* program : {"containerd", "ctr", "runc"}) {
      Sh(absl::StrCat("ln -sf ", kPacked, "/", program, " /usr/local/bin/"));
    }
    Sh(absl::StrCat("ln -sf /usr/local/bin/containerd /usr/bin/containerd; cp ",
                    kPacked, "/containerd.service /etc/systemd/system/"));
    Write("/etc/containerd/config.toml",
          "version = 2\ndisabled_plugins = [\"io.containerd.grpc.v1.cri\"]\n");
    Write(kRuntimeConfig, "SystemdCgroup = true\n");
    Sh("systemctl daemon-reload; systemctl start containerd");
    Sh(absl::StrCat("ctr images import --snapshotter native ", kPacked,
                    "/busybox.tar"));
  }

  void SetUp() override {
    if (!std::filesystem::exists(kPacked)) {
      GTEST_SKIP() << "not in a machine of its own with a containerd: hack/vm "
                      "test, after hack/containerd-peers";
    }
  }

  void TearDown() override {
    if (IsSkipped()) return;
    for (const auto id :
         absl::StrSplit(Sh("ctr task ls -q"), '\n', absl::SkipEmpty())) {
      Sh(absl::StrCat("ctr task rm -f ", id));
    }
    EXPECT_TRUE(Eventually([] { return Shims().empty(); })) << Shims();
    Sh("ctr c ls -q | xargs -r ctr c rm");
    EXPECT_THAT(Sh("find /sys/fs/cgroup -name 'containerd-*-*' -type d"),
                IsEmpty());
  }

  static std::string Shims() {
    return Sh("pgrep -f '^containerd-shim-holdfast-v2 ' || true");
  }

  static std::string Run(const std::string& flags, const std::string& id,
                         const std::string& command) {
    return Sh(
        absl::StrCat("ctr run --snapshotter native --runtime "
                     "io.containerd.holdfast.v2 ",
                     flags, " ", kImage, " ", id, " ", command));
  }

  // Its state and its pid.
  struct Task {
    std::string state;
    pid_t pid = 0;
  };
  static Task Look(const std::string& id) {
    for (const auto line : absl::StrSplit(Sh("ctr task ls"), '\n')) {
      const std::vector<std::string> words =
          absl::StrSplit(line, ' ', absl::SkipWhitespace());
      Task task;
      if (words.size() == 3 && words[0] == id &&
          absl::SimpleAtoi(words[1], &task.pid)) {
        task.state = words[2];
        return task;
      }
    }
    return {};
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
    EXPECT_EQ(Sh(absl::StrCat("ctr task exec --exec-id e ", id, " echo on")),
              "on");
  }
};

TEST_F(ContainerdUnit, OfDebianRestartsWithoutItsContainers) {
  const pid_t pid = RunDetached("c1");

  Sh("systemctl restart containerd");

  ExpectServed("c1", pid);
  EXPECT_THAT(CgroupOf(std::stoi(Shims())), StartsWith("/holdfast"));
}

TEST_F(ContainerdUnit, WithSystemdsDefaultKillModeEndsNoContainer) {
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

TEST_F(ContainerdUnit, ThatIsStoppedLosesNoExit) {
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

TEST_F(ContainerdUnit, HasContainersInScopesOfSystemd) {
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

TEST_F(ContainerdUnit, TellsOfAContainerThatIsOutOfMemory) {
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
