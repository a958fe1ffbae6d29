// kill -9 of a real containerd while it is asked for things. Whatever was asked
// for, and however much of that was done: its container is known afterwards,
// obeys, and ends as it should.
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <random>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/clock.h"
#include "base/files.h"
#include "gmock/gmock.h"
#include "tests/containerd/daemon_fixture.h"
#include "tests/containerd/leftovers.h"
#include "tests/integration/process_watch.h"

namespace holdfast::containerd {
namespace {

using testing::Contains;
using testing::Values;

// What is asked for, with ctr, of a container of that name.
struct Call {
  std::string name;
  std::vector<std::string> words;      // before the container's name
  std::vector<std::string> leaves;     // what its status may be then
  std::vector<std::string> more = {};  // after the container's name
  std::string before = "RUNNING";      // its status when it is asked for
  bool ends = false;
};

class DeathMidway : public DaemonTest {
 protected:
  void SetUp() override {
    const char* const text = getenv("HOLDFAST_SEED");
    if (text == nullptr || !absl::SimpleAtoi(text, &seed_))
      seed_ = static_cast<unsigned>(getpid());
    random_.seed(seed_);
    RecordProperty("seed", static_cast<int>(seed_));
    DaemonTest::SetUp();
  }
  void TearDown() override {
    RecordProperty("unanswered", unanswered_);
    if (HasFailure()) GTEST_LOG_(INFO) << "HOLDFAST_SEED=" << seed_;
    DaemonTest::TearDown();
  }

  std::vector<Call> Calls();
  void Launch(const Call& call);
  void Begin(const Call& call);
  void AwaitRandomMoment();
  // Or they would ask the next daemon.
  void KillCallers();
  // A containerd that dies between the renaming of a bundle to this and its
  // removal leaves it for ever, and cannot remove another one of that name.
  void RemoveHiddenBundles();
  void ExpectItObeys(const Call& call);
  void ExpectItEnds(const Call& call);
  void AwaitFree(const std::string& id);

  std::mt19937& random() { return random_; }

 private:
  int Answered() const;

  unsigned seed_ = 0;
  std::mt19937 random_;
  std::vector<Pidfd> callers_;
  int unanswered_ = 0;
  int execs_ = 0;
};

INSTANTIATE_TEST_SUITE_P(Lanes, DeathMidway,
                         Values(Ours(kContainerd16), Ours(kContainerd17),
                                Ours(kContainerd2)),
                         LaneName);

std::vector<Call> DeathMidway::Calls() {
  const std::vector<std::string> exec = {
      "task",       "exec",      "--fifo-dir",
      Scratch("."), "--exec-id", absl::StrCat("x", ++execs_)};
  std::vector<std::string> terminal = exec;
  terminal.push_back("-t");
  const std::vector<std::string> pauses = {"RUNNING", "PAUSED"};
  return {
      {"exec", exec, {"RUNNING"}, {"echo", "hello"}},
      {"terminal", terminal, {"RUNNING"}, {"echo", "hello"}},
      {"pause", {"task", "pause"}, pauses},
      {.name = "resume",
       .words = {"task", "resume"},
       .leaves = pauses,
       .before = "PAUSED"},
      {"metrics", {"task", "metrics"}, {"RUNNING"}},
      // ctr pauses it meanwhile.
      {"checkpoint",
       {"task", "checkpoint", "--image-path",
        Scratch(absl::StrCat("image", execs_))},
       pauses},
      {.name = "kill",
       .words = {"task", "kill"},
       .leaves = {"RUNNING", "STOPPED"},
       .ends = true},
      {.name = "remove",
       .words = {"task", "rm"},
       .leaves = {"STOPPED", ""},
       .before = "STOPPED",
       .ends = true},
  };
}

void DeathMidway::Launch(const Call& call) {
  AwaitChildOf(RunDetached(
      call.name, {"sh", "-c", "trap 'exit 7' TERM; sleep 1000 & wait"}));
}

void DeathMidway::Begin(const Call& call) {
  std::vector<std::string> words = call.words;
  words.push_back(call.name);
  words.insert(words.end(), call.more.begin(), call.more.end());
  words = CtrCommand(words);
  if (call.name == "terminal") {
    words = {"/usr/bin/script", "-qec", absl::StrJoin(words, " "), "/dev/null"};
  }
  callers_.push_back(StartProgram(words, {}, Scratch("callers")));
}

// Some have been answered by then.
void DeathMidway::AwaitRandomMoment() {
  std::uniform_int_distribution<int> answered(0, 6);
  std::uniform_int_distribution<int> milliseconds(0, 20);
  const int wanted = answered(random_);
  EXPECT_TRUE(Eventually([&] { return Answered() >= wanted; }));
  absl::SleepFor(absl::Milliseconds(milliseconds(random_)));
  unanswered_ += static_cast<int>(callers_.size()) - Answered();
}

int DeathMidway::Answered() const {
  int answered = 0;
  for (const Pidfd& caller : callers_) answered += caller.HasEnded();
  return answered;
}

void DeathMidway::KillCallers() {
  for (const Pidfd& caller : callers_) {
    (void)caller.Signal(SIGKILL);  // it may be gone by now
    EXPECT_EQ(waitpid(caller.pid(), nullptr, 0), caller.pid());
  }
  callers_.clear();
  // The one in a terminal has another parent.
  const std::string ctr = GetParam().containerd.Program("ctr");
  for (const pid_t pid : ProcessesNaming(Socket())) {
    if (absl::StartsWith(CommandLine(pid), ctr)) KillAll({pid});
  }
}

void DeathMidway::RemoveHiddenBundles() {
  const std::string bundles =
      Scratch("state/io.containerd.runtime.v2.task/" + Namespace());
  for (const auto& entry : std::filesystem::directory_iterator(bundles)) {
    if (!absl::StartsWith(entry.path().filename().string(), ".")) continue;
    EXPECT_TRUE(RemoveTree(entry.path()).ok()) << entry.path();
  }
}

void DeathMidway::ExpectItObeys(const Call& call) {
  EXPECT_THAT(call.leaves, Contains(StatusOf(call.name)));
  if (call.ends) return;
  if (call.leaves.size() > 1) {
    // What it was asked for comes first, if it is still to come.
    (void)Ctr({"task", "pause", call.name});
    AwaitStatus(call.name, "PAUSED");
    (void)Ctr({"task", "resume", call.name});
  }
  AwaitStatus(call.name, "RUNNING");
  EXPECT_EQ(
      MustCtr({"task", "exec", "--exec-id", "e", call.name, "echo", "on"}),
      "on\n");
}

void DeathMidway::ExpectItEnds(const Call& call) {
  if (!StatusOf(call.name).empty()) {
    (void)Ctr({"task", "kill", call.name});  // or it was
    AwaitStatus(call.name, "STOPPED");
    EXPECT_EQ(RemoveTask(call.name), 7);
  }
  MustCtr({"containers", "rm", call.name});
}

// containerd 1.6 keeps the id of a task that it had removed but for its shim,
// until that has seen that it is not needed.
void DeathMidway::AwaitFree(const std::string& id) {
  EXPECT_TRUE(Eventually([&] {
    return Ctr(RunArguments({"--rm"}, id, {"true"})).exit_code == 0;
  })) << id;
}

TEST_P(DeathMidway, LeavesEachContainerObedientWhateverItWasAskedFor) {
  for (const Call& call : Calls()) Launch(call);

  for (int round = 0; round < 4; ++round) {
    SCOPED_TRACE(absl::StrCat("round ", round));
    std::vector<Call> calls = Calls();
    for (const Call& call : calls) {
      if (call.before == "PAUSED") MustCtr({"task", "pause", call.name});
      if (call.before == "STOPPED") MustCtr({"task", "kill", call.name});
      AwaitStatus(call.name, call.before);
    }
    std::shuffle(calls.begin(), calls.end(), random());
    for (const Call& call : calls) Begin(call);

    AwaitRandomMoment();
    KillDaemon();
    KillCallers();
    StartDaemon();
    RemoveHiddenBundles();

    for (const Call& call : calls) {
      SCOPED_TRACE(call.name);
      ExpectItObeys(call);
      if (!call.ends) continue;
      ExpectItEnds(call);
      AwaitFree(call.name);
      Launch(call);
    }
  }
  for (const Call& call : Calls()) ExpectItEnds(call);
}

}  // namespace
}  // namespace holdfast::containerd
