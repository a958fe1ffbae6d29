// A kubelet's calls, before and after kill -9 of its containerd.
#include <signal.h>

#include <filesystem>
#include <fstream>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "tests/containerd/cri_fixture.h"
#include "tests/containerd/leftovers.h"
#include "tests/integration/process_watch.h"

namespace holdfast::containerd {
namespace {

using testing::Values;

class Cri : public CriTest {
 protected:
  std::string Exec(const std::string& container,
                   const std::vector<std::string>& command, int exit_code = 0) {
    cri::ExecSyncRequest request;
    request.set_container_id(container);
    for (const std::string& word : command) request.add_cmd(word);
    request.set_timeout(20);
    const cri::ExecSyncResponse response =
        client().Must(&Stub::ExecSync, request);
    EXPECT_EQ(response.exit_code(), exit_code) << response.stderr();
    return response.stdout();
  }
  void Reopen(const std::string& container) {
    cri::ContainerRequest request;
    request.set_container_id(container);
    client().Must(&Stub::ReopenContainerLog, request);
  }
  void Stop(const std::string& container) {
    cri::StopContainerRequest request;
    request.set_container_id(container);
    request.set_timeout(10);
    client().Must(&Stub::StopContainer, request);
  }
};

INSTANTIATE_TEST_SUITE_P(Lanes, Cri,
                         Values(Stock(kContainerd16), Ours(kContainerd16),
                                Ours(kContainerd17), Ours(kContainerd2)),
                         LaneName);

TEST_P(Cri, APodRunsItsContainers) {
  const std::string pod = RunPod("pod");
  const std::string ends =
      StartContainer(pod, "ends", {"sh", "-c", "echo hello; exit 3"});
  const std::string stays = StartContainer(
      pod, "stays",
      {"sh", "-c", "trap 'exit 0' TERM; echo up; sleep 1000 & wait"});

  const cri::ContainerStatus ended = AwaitExit(ends);
  EXPECT_EQ(ended.exit_code(), 3);
  EXPECT_EQ(ended.reason(), "Error");
  EXPECT_TRUE(Eventually([&] { return LoggedBy("ends") == "hello\n"; }));
  EXPECT_EQ(Exec(stays, {"echo", "in it"}), "in it\n");
  Exec(stays, {"sh", "-c", "exit 9"}, 9);
  cri::ContainerRequest request;
  request.set_container_id(stays);
  EXPECT_GT(client()
                .Must(&Stub::ContainerStats, request)
                .stats()
                .memory()
                .working_set_bytes()
                .value(),
            0U);
  EXPECT_EQ(
      client().Must(&Stub::ListContainers, cri::Nothing()).containers_size(),
      2);
  Stop(stays);
  EXPECT_EQ(Status(stays).exit_code(), 0);
  EXPECT_EQ(Status(stays).reason(), "Completed");
  EXPECT_EQ(PodState(pod), cri::SANDBOX_READY);
}

TEST_P(Cri, ALogIsReopenedForItsRotation) {
  const std::string container =
      StartContainer(RunPod("pod"), "talks",
                     {"sh", "-c",
                      "i=0; while :; do echo $i; i=$((i+1)); "
                      "sleep 0.02; done"});
  EXPECT_TRUE(Eventually([&] { return !LoggedBy("talks").empty(); }));

  std::filesystem::rename(LogOf("talks"), Scratch("logs/rotated.log"));
  Reopen(container);

  EXPECT_TRUE(Eventually([&] { return !LoggedBy("talks").empty(); }));
}

TEST_P(Cri, PodsStayReadyThroughADeathOfContainerd) {
  const std::string pod = RunPod("pod");
  const std::string container = StartContainer(
      pod, "stays",
      {"sh", "-c", "trap 'exit 4' TERM; echo up; sleep 1000 & wait"});
  EXPECT_TRUE(Eventually([&] { return LoggedBy("stays") == "up\n"; }));

  RestartDaemon();
  AwaitCri();

  EXPECT_EQ(PodState(pod), cri::SANDBOX_READY);
  EXPECT_EQ(Status(container).state(), cri::CONTAINER_RUNNING);
  EXPECT_EQ(Exec(container, {"echo", "still"}), "still\n");
  Stop(container);
  EXPECT_EQ(Status(container).exit_code(), 4);
}

TEST_P(Cri, APodHasOneShimWhateverDies) {
  const std::string first = RunPod("first");
  const std::vector<std::string> sleep = {"sleep", "1000"};
  const std::string in_first = StartContainer(first, "a", sleep);
  StartContainer(first, "b", sleep);
  EXPECT_EQ(ShimPids().size(), 1U);

  const std::string second = RunPod("second");
  StartContainer(second, "c", sleep);
  const std::vector<pid_t> shims = ShimPids();
  EXPECT_EQ(shims.size(), 2U);
  RestartDaemon();
  AwaitCri();
  StartContainer(first, "d", sleep);
  StartContainer(second, "e", sleep);

  EXPECT_EQ(ShimPids(), shims);
  EXPECT_EQ(Exec(in_first, {"echo", "served"}), "served\n");
}

TEST_P(Cri, AContainerThatEndsMeanwhileHasItsTrueCodeAndReason) {
  const std::string pod = RunPod("pod");
  const std::string container = StartContainer(
      pod, "ends", {"sh", "-c", "trap 'exit 7' TERM; sleep 1000 & wait"});
  const pid_t init = PidOf(container);

  KillDaemon();
  const ProcessWatch process(init);
  process.Kill(SIGTERM);
  const absl::Time ended = process.WaitForEnd(absl::Seconds(10));
  StartDaemon();
  AwaitCri();

  const cri::ContainerStatus status = AwaitExit(container);
  EXPECT_EQ(status.exit_code(), 7);
  EXPECT_EQ(status.reason(), "Error");
  EXPECT_LT(
      absl::AbsDuration(absl::FromUnixNanos(status.finished_at()) - ended),
      absl::Milliseconds(500));
  EXPECT_EQ(PodState(pod), cri::SANDBOX_READY);
}

// Each number once, in order, with the bytes between as they were written. The
// first half is in the log when containerd dies: what it has read, and not yet
// logged, dies with it.
TEST_P(Cri, ALogIsCompleteAcrossADeath) {
  constexpr int kHalf = 1000;
  const auto lines = [](int from, int to) {
    std::string text;
    for (int i = from; i <= to; ++i) absl::StrAppend(&text, "line ", i, "\n");
    return text;
  };
  const std::string container = StartContainer(
      RunPod("pod"), "talks",
      {"sh", "-c",
       absl::StrCat("for i in $(seq ", kHalf, "); do echo line $i; done; ",
                    "while ! [ -e /now ]; do sleep 0.01; done; ",
                    "for i in $(seq ", kHalf + 1, " ", 2 * kHalf,
                    "); do echo line $i; [ $((i % 10)) = 0 ] && sleep 0.005; "
                    "done; exit 0")});
  const std::string root = absl::StrCat("/proc/", PidOf(container), "/root");
  EXPECT_TRUE(Eventually([&] { return LoggedBy("talks") == lines(1, kHalf); }));

  KillDaemon();
  std::ofstream(root + "/now").close();
  StartDaemon();
  AwaitCri();

  EXPECT_EQ(AwaitExit(container).exit_code(), 0);
  const std::string wanted = lines(1, 2 * kHalf);
  EXPECT_TRUE(Eventually([&] { return LoggedBy("talks") == wanted; }))
      << "of " << wanted.size() << " bytes " << LoggedBy("talks").size();
}

// 5 MB with nobody there to read them: only a shim that spools lets it end.
TEST_P(Cri, AContainerThatTalksMeanwhileIsNotHeldUp) {
  if (!shim().ours) GTEST_SKIP() << "the stock shim holds it up";
  constexpr int kLines = 800'000;
  const std::string container =
      StartContainer(RunPod("pod"), "talks",
                     {"sh", "-c",
                      absl::StrCat("trap 'seq ", kLines,
                                   "; exit 0' TERM; sleep 1000 & wait")});
  const ProcessWatch process(PidOf(container));

  KillDaemon();
  process.Kill(SIGTERM);
  EXPECT_NE(process.WaitForEnd(absl::Seconds(20)), absl::InfiniteFuture());
  StartDaemon();
  AwaitCri();

  EXPECT_EQ(AwaitExit(container).exit_code(), 0);
  std::string wanted;
  for (int i = 1; i <= kLines; ++i) absl::StrAppend(&wanted, i, "\n");
  EXPECT_TRUE(Eventually([&] { return LoggedBy("talks") == wanted; }))
      << "of " << wanted.size() << " bytes " << LoggedBy("talks").size();
}

TEST_P(Cri, OneThatRunsOutOfMemoryIsSaidToHave) {
  const std::string container =
      StartContainer(RunPod("pod"), "eats", {"sh", "-c", "exec tail /dev/zero"},
                     {.memory_bytes = 32 << 20});

  const cri::ContainerStatus status = AwaitExit(container);

  EXPECT_EQ(status.exit_code(), 137);
  EXPECT_EQ(status.reason(), "OOMKilled");
}

class StockLosesUnderCri : public Cri {};

INSTANTIATE_TEST_SUITE_P(Lanes, StockLosesUnderCri,
                         Values(Stock(kContainerd17), Stock(kContainerd2)),
                         LaneName);

TEST_P(StockLosesUnderCri, TheCodeOfAContainerThatEndsMeanwhile) {
  const std::string container =
      StartContainer(RunPod("pod"), "ends",
                     {"sh", "-c", "trap 'exit 7' TERM; sleep 1000 & wait"});
  const ProcessWatch process(PidOf(container));

  KillDaemon();
  process.Kill(SIGTERM);
  (void)process.WaitForEnd(absl::Seconds(10));
  StartDaemon();
  AwaitCri();

  const cri::ContainerStatus status = AwaitExit(container);
  EXPECT_EQ(status.exit_code(), 255);
  EXPECT_EQ(status.reason(), "Unknown");
}

// With the runtime of packaging/containerd/config-v3.toml.
class PackagedCri : public Cri {
 protected:
  std::string MoreConfig() const override {
    std::ifstream packaged(SOURCE_DIR "/packaging/containerd/config-v3.toml");
    std::string runtime;
    for (std::string line; std::getline(packaged, line);) {
      if (absl::StartsWith(line, "  runtime_"))
        absl::StrAppend(&runtime, line, "\n");
    }
    return absl::StrReplaceAll(
        CriTest::MoreConfig(),
        {{"runtime_type = \"io.containerd.holdfast.v2\"\n",
          absl::StrCat(
              runtime,
              "[plugins.\"io.containerd.grpc.v1.cri\".containerd.runtimes."
              "tested.options]\nBinaryName = \"",
              OciRuntimePath("runc"), "\"\n")}});
  }
};

INSTANTIATE_TEST_SUITE_P(Lanes, PackagedCri, Values(Ours(kContainerd2)),
                         LaneName);

TEST_P(PackagedCri, ContainerdKnowsTheFeaturesOfTheRuntime) {
  const cri::StatusResponse status =
      client().Must(&Stub::Status, cri::Nothing());

  bool read_only = false;
  for (const cri::RuntimeHandler& handler : status.runtime_handlers()) {
    if (handler.name().empty())
      read_only = handler.features().recursive_read_only_mounts();
  }
  EXPECT_TRUE(read_only);
}

TEST_P(PackagedCri, PodsAreOurShimsThroughADeathOfContainerd) {
  const std::string pod = RunPod("pod");
  const std::string container = StartContainer(
      pod, "stays",
      {"sh", "-c", "trap 'exit 4' TERM; echo up; sleep 1000 & wait"});
  EXPECT_TRUE(Eventually([&] { return LoggedBy("stays") == "up\n"; }));
  EXPECT_TRUE(absl::StrContains(CommandLine(ShimOf(pod)),
                                "containerd-shim-holdfast-v2"));

  RestartDaemon();
  AwaitCri();

  EXPECT_EQ(PodState(pod), cri::SANDBOX_READY);
  EXPECT_EQ(Exec(container, {"echo", "still"}), "still\n");
  Stop(container);
  EXPECT_EQ(Status(container).exit_code(), 4);
}

}  // namespace
}  // namespace holdfast::containerd
