// Checkpoints of CRIU's and their restores, by a client's own words (ctr),
// under our shim and under the stock one: what differs is ours, not CRIU's.

#include <filesystem>
#include <string>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/vm/containerd_unit.h"
#include "tests/vm/guest.h"

namespace holdfast::vm {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

// Counts, in its file system and to its output; exits 7 when it is told to end.
constexpr char kCounter[] =
    R"(sh -c 'trap "exit 7" TERM; i=0; while :; do i=$((i+1)); )"
    R"(echo $i >/n.new; mv /n.new /n; echo $i; sleep 0.1; done')";

// ctr has CRIU's options for runc's shim alone: whoever is tried has its name.
constexpr char kShim[] = "/usr/local/bin/containerd-shim-runc-v2";

class Criu : public ContainerdUnit,
             public testing::WithParamInterface<const char*> {
 protected:
  static void SetUpTestSuite() {
    if (!IsPacked()) return;
    Write("/run/systemd/system/containerd.service.d/restart.conf",
          "[Service]\nRestartSec=100ms\n");
    ContainerdUnit::SetUpTestSuite();
  }
  void SetUp() override {
    ContainerdUnit::SetUp();
    if (IsSkipped()) return;
    if (!std::filesystem::exists(absl::StrCat(kPacked, "/criu"))) {
      GTEST_SKIP() << "there is no criu here: hack/containerd-peers says why";
    }
    Sh(absl::StrCat("ln -sfn ", GetParam(), " ", kShim));
    Sh("touch /etc/hosts /etc/resolv.conf");  // for --net-host
  }
  void TearDown() override {
    ContainerdUnit::TearDown();
    if (IsSkipped()) return;
    Sh("ctr images ls -q | grep -v busybox | xargs -r ctr images rm --sync");
    Sh(absl::StrCat("rm -f ", kShim));
  }

  // A name that no other test has: 1.6 loses a spec that it has stored before.
  static std::string Id(const std::string& suffix = "") {
    const auto* const test =
        testing::UnitTest::GetInstance()->current_test_info();
    return absl::StrReplaceAll(absl::StrCat(test->name(), suffix),
                               {{"/", "-"}});
  }
  // Its network would need iptables to be checkpointed.
  static void StartCounter(const std::string& id) {
    Sh(
        absl::StrCat("ctr run -d --net-host --snapshotter native --runtime "
                     "io.containerd.runc.v2 ",
                     kImage, " ", id, " ", kCounter));
    ExpectToCount(id, 0);
  }
  // 0: it has not counted yet.
  static int Count(const std::string& id) {
    int count = -1;
    EXPECT_TRUE(absl::SimpleAtoi(
        Exec(id, "sh -c 'cat /n 2>/dev/null || echo 0'"), &count));
    return count;
  }
  static void ExpectToCount(const std::string& id, int from) {
    EXPECT_TRUE(Eventually([&] { return Count(id) > from; }));
  }
  // Of `ctr c checkpoint`, which pauses it for that.
  static std::string Checkpoint(const std::string& id) {
    std::string image = absl::StrCat("checkpoint-", id);
    Sh(absl::StrCat("ctr c checkpoint --task --rw --image ", id, " ", image));
    return image;
  }
  // Numbers of the task's output, as long as `ctr task attach` runs.
  static std::vector<int> Attach(const std::string& id) {
    std::vector<int> numbers;
    const std::string output = Sh(absl::StrCat(
        "timeout -s KILL 3 ctr task attach ", id, " 2>/dev/null || true"));
    for (const auto line : absl::StrSplit(output, '\n', absl::SkipEmpty())) {
      int number = -1;
      if (absl::SimpleAtoi(line, &number)) numbers.push_back(number);
    }
    return numbers;
  }
  static void ExpectEndTold(const std::string& id) {
    Sh(absl::StrCat("ctr task kill -s TERM ", id));
    EXPECT_TRUE(Eventually([&] { return Look(id).state == "STOPPED"; }));
    EXPECT_THAT(Sh(absl::StrCat("ctr task rm ", id, " || true")),
                HasSubstr("exit code 7"));
  }
};

TEST_P(Criu, LeavesATaskRunning) {
  StartCounter(Id());
  const pid_t pid = Look(Id()).pid;

  EXPECT_THAT(Sh(absl::StrCat("ctr task checkpoint ", Id())),
              HasSubstr("containerd.io/checkpoint/"));

  EXPECT_EQ(Look(Id()).state, "RUNNING");
  EXPECT_EQ(Look(Id()).pid, pid);
  ExpectToCount(Id(), Count(Id()));
  const std::vector<int> output = Attach(Id());
  EXPECT_THAT(output, Not(IsEmpty()));
  ExpectEndTold(Id());
}

TEST_P(Criu, EndsATaskThatIsToEnd) {
  StartCounter(Id());

  Sh(absl::StrCat("ctr task checkpoint --exit --image-path /tmp/", Id(),
                  " --work-path /tmp/", Id("-work"), " ", Id()));

  EXPECT_TRUE(Eventually([] { return Look(Id()).state == "STOPPED"; }));
  EXPECT_THAT(Sh(absl::StrCat("ls /tmp/", Id())), HasSubstr("pstree.img"));
  EXPECT_THAT(Sh(absl::StrCat("ls /tmp/", Id("-work"))), HasSubstr("dump.log"));
  EXPECT_THAT(Sh(absl::StrCat("ctr task rm ", Id(), " || true")),
              HasSubstr("exit code 137"));
}

TEST_P(Criu, RestoresATaskThatGoesOn) {
  StartCounter(Id());
  const int before = Count(Id());
  const std::string image = Checkpoint(Id());
  const int after = Count(Id());
  Sh(absl::StrCat("ctr task rm -f ", Id(), " || true"));
  const std::string restored = Id("-restored");

  Sh(absl::StrCat("ctr c restore --rw --live ", restored, " ", image));

  EXPECT_EQ(Look(restored).state, "RUNNING");
  const std::vector<int> output = Attach(restored);
  ASSERT_THAT(output, Not(IsEmpty()));
  EXPECT_GE(output.front(), before);
  EXPECT_LE(output.front(), after + 20) << "a hole";
  for (size_t i = 1; i < output.size(); ++i) {
    ASSERT_EQ(output[i], output[i - 1] + 1);
  }
  ExpectToCount(restored, output.back());
  ExpectEndTold(restored);
}

TEST_P(Criu, RestoresUnderAnotherContainerd) {
  StartCounter(Id());
  const int before = Count(Id());
  const std::string image = Checkpoint(Id());
  const pid_t pid = Look(Id()).pid;

  KillContainerd();
  EXPECT_TRUE(Eventually([&] { return Look(Id()).pid == pid; }));
  ExpectToCount(Id(), Count(Id()));
  ExpectEndTold(Id());
  const std::string restored = Id("-restored");
  Sh(absl::StrCat("ctr c restore --rw --live ", restored, " ", image));

  EXPECT_GE(Count(restored), before);
  const pid_t restored_pid = Look(restored).pid;
  KillContainerd();
  EXPECT_TRUE(Eventually([&] { return Look(restored).pid == restored_pid; }));
  ExpectToCount(restored, Count(restored));
  ExpectEndTold(restored);
}

INSTANTIATE_TEST_SUITE_P(
    Shims, Criu,
    testing::Values("/usr/bin/containerd-shim-holdfast-v2",
                    "/share/containerd/containerd-shim-runc-v2"),
    [](const auto& test) {
      return std::string(test.index == 0 ? "Holdfast" : "Stock");
    });

}  // namespace
}  // namespace holdfast::vm
