// An agent of another make that has Holdfast for its containerizer: it is
// killed, the plugin is, both are, at whatever moment; each container starts
// once, lives through all of it, and its true end is noted once.

#include <signal.h>

#include <map>
#include <optional>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "base/files.h"
#include "gmock/gmock.h"
#include "hack/local_agent/child_process.h"
#include "tests/integration/containerizer_fixture.h"

namespace holdfast {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::IsEmpty;

class AnotherAgent : public ContainerizerTest {
 protected:
  void TearDown() override {
    if (other_) KillOther();
    ContainerizerTest::TearDown();
  }

  // Each container starts once, waits to be let go, and exits with its number.
  void StartOther(int count) {
    const std::string line = absl::StrCat(
        "echo once >> ", Scratch("starts-"), "$HOLDFAST_TASK_ID; until [ -e ",
        Scratch("go-"), "$HOLDFAST_TASK_ID ]; do sleep 0.02; done; ",
        "exit ${HOLDFAST_TASK_ID#c-}");
    auto spawned =
        hack::ChildProcess::Spawn({EXAMPLE_AGENT_BINARY, address(), kOwner,
                                   Scratch("list"), absl::StrCat(count), line},
                                  Scratch("other.log"));
    ASSERT_TRUE(spawned.ok()) << spawned.status();
    other_.emplace(*std::move(spawned));
  }
  void KillOther() {
    ASSERT_TRUE(other_->Signal(SIGKILL).ok());
    EXPECT_TRUE(other_->Wait(absl::Seconds(20)).ok());
    other_.reset();
  }
  void LetGo(int container) {
    WriteFile(Scratch(absl::StrCat("go-c-", container)), "");
  }

  std::vector<std::string> Lines(const std::string& file) {
    const auto text = ReadSmallFile(Scratch(file));
    if (!text.ok()) return {};
    return absl::StrSplit(*text, '\n', absl::SkipEmpty());
  }
  std::vector<std::string> Lines(const std::string& file,
                                 const std::string& beginning) {
    std::vector<std::string> lines;
    for (std::string& line : Lines(file)) {
      if (absl::StartsWith(line, beginning)) lines.push_back(std::move(line));
    }
    return lines;
  }
  std::vector<std::string> Said(const std::string& what) {
    return Lines("other.log", what);
  }
  std::vector<std::string> Noted(const std::string& what) {
    return Lines("list", what);
  }
  void AwaitSaid(const std::string& what, size_t times) {
    EXPECT_TRUE(Eventually([&] { return Said(what).size() >= times; },
                           absl::Seconds(60)))
        << testing::PrintToString(Lines("other.log"));
  }
  void AwaitItsEnd() {
    EXPECT_EQ(Must(other_->Wait(absl::Seconds(100))), "exited 0")
        << testing::PrintToString(Lines("other.log"));
    other_.reset();
  }
  // That all of `count` started once and had their own end noted once.
  void ExpectAllOnce(int count) {
    std::map<std::string, int> noted;
    for (const std::string& line : Lines("list")) ++noted[line];
    for (int i = 0; i < count; ++i) {
      EXPECT_THAT(Lines(absl::StrCat("starts-c-", i)), ElementsAre("once"))
          << i;
      EXPECT_EQ(noted[absl::StrCat("ended c-", i, " ", i)], 1) << i;
      EXPECT_EQ(noted[absl::StrCat("wanted c-", i)], 1) << i;
    }
    EXPECT_EQ(Lines("list").size(), static_cast<size_t>(2 * count));
    EXPECT_THAT(List(), IsEmpty());
  }

  std::optional<hack::ChildProcess> other_;
};

TEST_F(AnotherAgent, FindsItsContainersAfterItsOwnDeath) {
  StartOther(3);
  AwaitSaid("launched", 3);
  const std::vector<std::string> launched = Said("launched");

  KillOther();
  LetGo(0);
  ASSERT_TRUE(Eventually([&] { return HasEnded("c-0"); }));
  StartOther(3);
  AwaitSaid("recovered", 3);

  const std::vector<std::string> recovered = Said("recovered");
  EXPECT_THAT(recovered, Contains("recovered c-0 ENDED 0"));
  for (int i = 1; i < 3; ++i) {
    // "launched c-1 PID"
    const std::vector<std::string> words = absl::StrSplit(launched[i], ' ');
    EXPECT_THAT(recovered, Contains(absl::StrCat("recovered c-", i, " RUNNING ",
                                                 words[2])));
  }
  LetGo(1);
  LetGo(2);
  AwaitItsEnd();
  ExpectAllOnce(3);
}

TEST_F(AnotherAgent, HearsOfEndsThatThePluginDidNotSee) {
  StartOther(2);
  AwaitSaid("launched", 2);
  const ProcessWatch first(Get("c-0").task().pid());
  const ProcessWatch second(Get("c-1").task().pid());

  KillAgent();
  LetGo(0);
  first.WaitForEnd(absl::Seconds(20));
  EXPECT_TRUE(second.Runs());
  StartAgent();
  AwaitSaid("removed c-0", 1);
  EXPECT_TRUE(second.Runs());
  LetGo(1);

  AwaitItsEnd();
  ExpectAllOnce(2);
}

TEST_F(AnotherAgent, LosesNothingToDeathsAtAnyMoment) {
  constexpr int kContainers = 12;
  constexpr int kDeaths = 18;
  StartOther(kContainers);
  size_t said = 0;
  int let_go = 0;
  for (int death = 0; death < kDeaths; ++death) {
    // Whenever it got a little further: a moment of a launch, of a recovery, of
    // an end. Once it wants no more it only does when one is let go.
    ++said;
    ASSERT_TRUE(Eventually(
        [&] {
          const size_t now = Lines("other.log").size();
          if (now < said && let_go < kContainers &&
              Noted("wanted").size() >= kContainers) {
            LetGo(let_go++);
          }
          return now >= said || !Said("done").empty();
        },
        absl::Seconds(60)))
        << testing::PrintToString(Lines("other.log"));
    ASSERT_THAT(Said("done"), IsEmpty()) << "after " << death << " deaths";
    const bool the_plugin = death % 3 != 1;
    const bool the_other = death % 3 != 0;
    if (the_plugin) KillAgent();
    if (the_other) KillOther();
    said = Lines("other.log").size();
    if (the_plugin) StartAgent();
    if (the_other) StartOther(kContainers);
  }
  while (let_go < kContainers) LetGo(let_go++);

  AwaitItsEnd();
  ExpectAllOnce(kContainers);
}

}  // namespace
}  // namespace holdfast
