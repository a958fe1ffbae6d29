#include "tests/crash/death_fixture.h"

#include <stdio.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "tests/crash/must_reach.h"

namespace holdfast {
namespace {

constexpr char kAgent[] = "holdfastd";
constexpr char kShim[] = "holdfast-shim";

// The first passings of a point differ, later ones repeat them. Of messages
// any may be the one that matters.
constexpr int kMostDeaths = 3;
constexpr int kMostDeathsOfMessages = 6;
constexpr int kMostAttempts = 3;
constexpr absl::Duration kConnectTimeout = absl::Seconds(20);
constexpr int kLooksAtRest = 3;

std::string TestName() {
  const testing::TestInfo& test =
      *testing::UnitTest::GetInstance()->current_test_info();
  return absl::StrCat(test.test_suite_name(), ".", test.name());
}

int MostDeathsAt(const DeathPoint& point) {
  return point.second.rfind("Message", 0) == 0 ? kMostDeathsOfMessages
                                               : kMostDeaths;
}

}  // namespace

void DeathTest::SetUp() {
  AgentTest::SetUp();
  if (IsSkipped() || HasFatalFailure()) return;
  failpoints_.emplace(Scratch("failpoints"));
  agent().SetEnvironment({failpoints_->variable()});
  witness_ = std::make_unique<Witness>(agent(), ledger());
  RestartAgent();
}

std::string DeathTest::TaskId() const { return absl::StrCat("task-", round_); }

void DeathTest::Await(const std::function<bool()>& holds) {
  EXPECT_TRUE(Eventually([&] { return Died() || holds(); }));
}

void DeathTest::StartUnderThreat() {
  ASSERT_TRUE(agent().Spawn().ok());
  Await([&] { return agent().Connect(absl::ZeroDuration()).ok(); });
}

void DeathTest::Recover() {
  if (agent().pid() == 0) {
    StartAgent();
  } else if (!agent().connected()) {  // a shim died before
    const absl::Status connected = agent().Connect(kConnectTimeout);
    ASSERT_TRUE(connected.ok()) << connected;
  }
  WaitUntilRecovered();
}

void DeathTest::LaunchAtRest(const v1::TaskInfo& task) {
  Register(kFramework);
  if (!IsWatching()) Watch(kFramework);
  const absl::Status launched = witness().Launch(task, kFramework);
  ASSERT_TRUE(launched.ok()) << launched;
  AwaitRunning({task.task_id()});
}

bool DeathTest::HasRecovered() {
  const auto info = client().Call(&Stub::GetAgent, v1::GetAgentRequest());
  return info.ok() && !info->recovering();
}

std::string DeathTest::AwaitLeave() {
  const ProcessWatch leaving(agent().pid());
  Await([&] { return !leaving.Runs(); });
  return Died() ? "" : AwaitAgentsEnd();
}

void DeathTest::DieEverywhere(const DeathScenario& scenario) {
  PlayRound(scenario, std::nullopt);
  if (HasFailure()) return;
  const std::map<DeathPoint, int> reached = reached_;
  int deaths = 0, not_met = 0;
  std::set<DeathPoint> died_at;
  for (const Death& death : DeathsOf(reached)) {
    SCOPED_TRACE(Describe(death));
    if (DieOnce(scenario, death)) {
      ++deaths;
      died_at.insert(death.point);
    } else {
      ++not_met;
    }
    if (HasFailure()) return;
  }
  const std::set<DeathPoint> must_reach = MustReach(TestName());
  EXPECT_FALSE(must_reach.empty()) << "no table has this test's points";
  for (const DeathPoint& point : must_reach) {
    EXPECT_TRUE(died_at.contains(point))
        << point.first << " never died at " << point.second;
  }
  printf("%zu points, %d deaths (%d passings were not met again)\n",
         died_at.size(), deaths, not_met);
}

std::string DeathTest::Describe(const Death& death) {
  return absl::StrCat(death.point.first, " dies at ", death.point.second,
                      ", time ", death.times,
                      death.agent_too ? ", and its agent after it" : "");
}

// What others do at the same time may come first, or not at all.
bool DeathTest::DieOnce(const DeathScenario& scenario, const Death& death) {
  for (int attempt = 0; attempt < kMostAttempts; ++attempt) {
    if (PlayRound(scenario, death)) return true;
    if (HasFailure() || death.times > 1) return false;
  }
  return false;
}

std::vector<DeathTest::Death> DeathTest::DeathsOf(
    const std::map<DeathPoint, int>& reached) {
  std::vector<Death> deaths;
  for (const auto& [point, times] : reached) {
    for (int i = 1; i <= std::min(times, MostDeathsAt(point)); ++i) {
      deaths.push_back({point, i, false});
    }
    if (point.first == kShim) deaths.push_back({point, 1, true});
  }
  return deaths;
}

bool DeathTest::PlayRound(const DeathScenario& scenario,
                          const std::optional<Death>& death) {
  ++round_;
  witness_->Begin();
  failpoints_->Clear();
  scenario.prepare();
  AwaitRest();
  if (death) {
    failpoints_->Arm(death->point, death->times);
  } else {
    failpoints_->Clear();
  }
  scenario.act();
  if (!Died()) AwaitRest();  // what it waited for is seldom the last step
  const bool died = Died();
  reached_ = failpoints_->Reached();
  failpoints_->Disarm();
  if (died) NoteDeath(*death);
  scenario.resume ? scenario.resume() : Recover();
  witness_->Check();
  StopWatching();
  Watch(kFramework);
  witness_->Finish();
  StopWatching();
  hack::ReapOrphans();
  return died;
}

void DeathTest::NoteDeath(const Death& death) {
  if (death.point.first == kAgent) {
    EXPECT_EQ(AwaitAgentsEnd(), "killed by signal 9");
    return;
  }
  witness_->NoteShimDeath();
  if (death.agent_too && agent().pid() != 0) KillAgent();
}

// It passes failpoints, too.
void DeathTest::AwaitRest() {
  std::map<DeathPoint, int> before = failpoints_->Reached();
  int same = 0;
  EXPECT_TRUE(Eventually([&] {
    std::map<DeathPoint, int> now = failpoints_->Reached();
    same = now == before ? same + 1 : 0;
    before = std::move(now);
    return same == kLooksAtRest;
  }));
}

}  // namespace holdfast
