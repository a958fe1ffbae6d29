// What is done to a running container, and what is told of it.

#include <signal.h>
#include <unistd.h>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "base/files.h"
#include "gmock/gmock.h"
#include "tests/integration/containerizer_fixture.h"

namespace holdfast {
namespace {

using testing::HasSubstr;

constexpr uint64_t kMiB = 1 << 20;

class RunningContainer : public ContainerizerTest {
 protected:
  absl::Status Update(const std::string& id, const v1::Resources& resources) {
    auto request = About<v1::UpdateContainerRequest>(id, kOwner);
    *request.mutable_resources() = resources;
    return containers().Call(&Stub::Update, request).status();
  }
  v1::ContainerUsageResponse Usage(const std::string& id) {
    return Must(containers().Call(
        &Stub::Usage, About<v1::ContainerUsageRequest>(id, kOwner)));
  }
  v1::ContainerStatusResponse Status(const std::string& id) {
    return Must(containers().Call(
        &Stub::Status, About<v1::ContainerStatusRequest>(id, kOwner)));
  }
  absl::Status Kill(const std::string& id, int signal) {
    auto request = About<v1::KillContainerRequest>(id, kOwner);
    request.set_signal(signal);
    return containers().Call(&Stub::Kill, request).status();
  }
  static v1::Resources Pids(uint64_t pids) {
    v1::Resources resources;
    resources.set_pids(pids);
    return resources;
  }
  v1::ContainerConfig Limited(const std::string& line,
                              const v1::Resources& resources) {
    v1::ContainerConfig config = Shell(line);
    *config.mutable_resources() = resources;
    return config;
  }
  // What the kernel has been told: pids.max, wherever that is on this host.
  std::string PidsMax(const std::string& id) {
    const std::string cgroup = Status(id).cgroup();
    for (const char* mount : {"/sys/fs/cgroup/pids/", "/sys/fs/cgroup/"}) {
      const auto read = ReadSmallFile(absl::StrCat(mount, cgroup, "/pids.max"));
      if (read.ok()) return std::string(absl::StripSuffix(*read, "\n"));
    }
    ADD_FAILURE() << cgroup << " has no pids.max";
    return "";
  }
};

TEST_F(RunningContainer, GetsOtherLimitsThatOutliveThePluginAndTheShim) {
  const ProcessWatch process(
      LaunchContainer("c-1", Limited("exec sleep 1000", Pids(20))));
  ASSERT_EQ(PidsMax("c-1"), "20");

  ASSERT_TRUE(Update("c-1", Pids(30)).ok());

  const auto holds = [&] {
    return PidsMax("c-1") == "30" && Usage("c-1").limits().pids() == 30 &&
           Get("c-1").task().resources().pids() == 30;
  };
  EXPECT_TRUE(holds());
  RestartAgent();
  EXPECT_TRUE(holds());
  const int shim_pid = Status("c-1").shim_pid();
  ProcessWatch(shim_pid).Kill(SIGKILL);
  ASSERT_TRUE(Eventually([&] {
    const auto now = Status("c-1");
    return now.attached() && now.shim_pid() != shim_pid;
  }));
  EXPECT_TRUE(holds());
  EXPECT_TRUE(process.Runs());
  EXPECT_THAT(ctl::RunCtl(address(), {"timeline", "c-1"}).out,
              HasSubstr("pids: 30"));
}

TEST_F(RunningContainer, LosesTheLimitsThatAnUpdateLeavesOut) {
  LaunchContainer("c-1", Limited("exec sleep 1000", Pids(20)));

  ASSERT_TRUE(Update("c-1", v1::Resources()).ok());

  EXPECT_EQ(PidsMax("c-1"), "max");
  EXPECT_FALSE(Usage("c-1").limits().has_pids());
}

TEST_F(RunningContainer, KeepsItsLimitsWhereOthersCannotBeImposed) {
  v1::Resources before;
  before.set_memory_bytes(64 * kMiB);
  const std::string full = Scratch("full");
  LaunchContainer(
      "c-1", Limited(absl::StrCat("x=$(head -c 30000000 /dev/zero | tr '\\0' "
                                  "x); touch ",
                                  full, "; while :; do sleep 0.1; done"),
                     before));
  ASSERT_TRUE(Eventually([&] { return access(full.c_str(), F_OK) == 0; }));
  v1::Resources less = before;
  less.set_memory_bytes(8 * kMiB);

  std::vector<absl::Status> refused = {Update("c-1", less)};
  // Only of v1 a controller cannot be joined later.
  if (Info().cgroups_mode() != "v2") {
    refused.push_back(Update("c-1", Pids(10)));
  }

  for (const absl::Status& status : refused) {
    EXPECT_TRUE(absl::IsFailedPrecondition(status)) << status;
    EXPECT_EQ(ReasonFrom(status), "LIMIT_NOT_ENFORCEABLE") << status;
    EXPECT_THAT(std::string(status.message()),
                HasSubstr("update container c-1"));
  }
  EXPECT_EQ(Usage("c-1").limits().memory_bytes(), 64 * kMiB);
  EXPECT_FALSE(Usage("c-1").limits().has_pids());
  v1::Resources more = before;
  more.set_memory_bytes(128 * kMiB);
  EXPECT_TRUE(Update("c-1", more).ok());
  EXPECT_EQ(Usage("c-1").limits().memory_bytes(), 128 * kMiB);
}

TEST_F(RunningContainer, HasTheLimitsOfOneOfTwoThatChangeThemAtOnce) {
  LaunchContainer("c-1", Limited("exec sleep 1000", Pids(20)));

  std::vector<std::future<absl::Status>> updates;
  for (uint64_t pids = 21; pids < 41; ++pids) {
    updates.push_back(std::async(std::launch::async, [this, pids] {
      return Update("c-1", Pids(pids));
    }));
  }
  for (auto& update : updates) EXPECT_TRUE(update.get().ok());

  EXPECT_EQ(PidsMax("c-1"), absl::StrCat(Usage("c-1").limits().pids()));
}

TEST_F(RunningContainer, TellsWhatItUses) {
  v1::Resources limits;
  limits.set_memory_bytes(64 * kMiB);
  limits.set_pids(20);
  LaunchContainer("c-1", Limited("i=0; while [ $i -lt 20000 ]; do i=$((i+1)); "
                                 "done; exec sleep 1000",
                                 limits));

  EXPECT_TRUE(Eventually([&] { return Usage("c-1").cpu_usec() > 0; }));

  const auto usage = Usage("c-1");
  EXPECT_GT(usage.memory_bytes(), 0u);
  EXPECT_LE(usage.memory_bytes(), 64 * kMiB);
  EXPECT_GE(usage.pids(), 1u);
  EXPECT_EQ(usage.limits().SerializeAsString(), limits.SerializeAsString());
  EXPECT_TRUE(usage.has_time());
}

TEST_F(RunningContainer, UsesNothingAndTakesNothingOnceItHasEnded) {
  LaunchContainer("c-1", Limited("exit 0", Pids(20)));
  ASSERT_EQ(Must(Wait("c-1")).state(), v1::TASK_FINISHED);
  // Its shim goes a moment later, and its group with it.
  ASSERT_TRUE(Eventually([&] { return !Usage("c-1").has_pids(); }));

  const auto usage = Usage("c-1");
  const absl::Status updated = Update("c-1", Pids(10));
  const absl::Status killed = Kill("c-1", SIGTERM);

  EXPECT_FALSE(usage.has_cpu_usec());
  EXPECT_FALSE(usage.has_memory_bytes());
  EXPECT_EQ(usage.limits().pids(), 20u);
  for (const absl::Status& status : {updated, killed}) {
    EXPECT_TRUE(absl::IsFailedPrecondition(status)) << status;
    EXPECT_EQ(ReasonFrom(status), "CONTAINER_ENDED");
  }
}

TEST_F(RunningContainer, GetsASignalOnlyInItsFirstProcess) {
  const std::string ready = Scratch("ready");
  const std::string got = Scratch("got");
  LaunchContainer(
      "c-1", Shell(absl::StrCat("trap 'touch ", got, "' USR1; touch ", ready,
                                "; while :; do sleep 0.01; done")));
  ASSERT_TRUE(Eventually([&] { return access(ready.c_str(), F_OK) == 0; }));

  ASSERT_TRUE(Kill("c-1", SIGUSR1).ok());

  EXPECT_TRUE(Eventually([&] { return access(got.c_str(), F_OK) == 0; }));
  EXPECT_EQ(Status("c-1").state(), v1::RecoverResponse::RUNNING);
  ASSERT_TRUE(Kill("c-1", SIGKILL).ok());
  const auto end = Must(Wait("c-1"));
  EXPECT_EQ(end.signal(), SIGKILL);
  EXPECT_EQ(end.state(), v1::TASK_FAILED) << "nobody asked for its end";
}

TEST_F(RunningContainer, TellsWhereItIs) {
  const int pid = LaunchContainer("c-1", Shell("echo hello; exec sleep 1000"));

  const auto status = Status("c-1");

  EXPECT_EQ(status.state(), v1::RecoverResponse::RUNNING);
  EXPECT_EQ(status.pid(), pid);
  EXPECT_TRUE(status.attached());
  EXPECT_GT(status.shim_pid(), 0);
  EXPECT_TRUE(status.has_start_time());
  EXPECT_FALSE(status.has_termination());
  EXPECT_THAT(status.cgroup(), HasSubstr(agent().cgroups_root()));
  const std::string groups =
      Must(ReadSmallFile(absl::StrCat("/proc/", pid, "/cgroup")));
  EXPECT_THAT(groups, HasSubstr(status.cgroup()));
  EXPECT_TRUE(Eventually([&] {
    const auto out = ReadSmallFile(status.sandbox() + "/stdout");
    return out.ok() && *out == "hello\n";
  }));

  ASSERT_TRUE(Destroy("c-1").ok());

  const auto ended = Status("c-1");
  EXPECT_EQ(ended.state(), v1::RecoverResponse::ENDED);
  EXPECT_EQ(ended.pid(), 0);
  EXPECT_EQ(ended.termination().state(), v1::TASK_KILLED);
}

}  // namespace
}  // namespace holdfast
