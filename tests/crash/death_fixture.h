#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "tests/crash/failpoint_directory.h"
#include "tests/crash/witness.h"
#include "tests/integration/agent_fixture.h"

namespace holdfast {

// One thing that an orchestrator, an operator or the kernel does.
struct DeathScenario {
  // What there is before, at rest. Nobody dies of it.
  std::function<void()> prepare;
  // The thing itself, until it has happened or someone has died of it:
  // what it waits for, it awaits with DeathTest::Await().
  std::function<void()> act;
  // What follows, with the agent dead, or alive, or another process; in place
  // of DeathTest::Recover().
  std::function<void()> resume = nullptr;
};

// Plays a scenario once to learn which failpoints it reaches, and once more for
// each passing of each of them, where one process gets SIGKILL. Afterwards the
// agent, started again if it was that, must fit with all that was ever told:
// `witness()` says how.
class DeathTest : public AgentTest {
 protected:
  void SetUp() override;

  void DieEverywhere(const DeathScenario& scenario);

  Witness& witness() { return *witness_; }
  // Until it holds; no longer once someone has died.
  void Await(const std::function<bool()>& holds);
  bool Died() const { return failpoints_->Died(); }
  // In this round.
  int TimesReached(const DeathPoint& point) const {
    return failpoints_->Reached()[point];
  }
  // Another one in each round.
  std::string TaskId() const;
  // Starts the agent, which may die before it serves.
  void StartUnderThreat();
  // Until what was set going in the background is done.
  void AwaitRest();
  // Another death than that of the round, in its preparation.
  void Threaten(const DeathPoint& point) { failpoints_->Arm(point, 1); }
  // Until that, and until it has recovered what it found.
  void Recover();
  // A launch that is answered, of a task whose start is acknowledged.
  void LaunchAtRest(const v1::TaskInfo& task);
  // Whether the agent answers and has recovered.
  bool HasRecovered();
  // Of the agent by its own doing; "" where it died of the threat.
  std::string AwaitLeave();

 private:
  struct Death {
    DeathPoint point;
    int times;
    bool agent_too;  // killed when its shim has died
  };
  static std::string Describe(const Death& death);
  static std::vector<Death> DeathsOf(const std::map<DeathPoint, int>& reached);
  // Whether someone died.
  bool DieOnce(const DeathScenario& scenario, const Death& death);
  bool PlayRound(const DeathScenario& scenario,
                 const std::optional<Death>& death);
  void NoteDeath(const Death& death);

  std::optional<FailpointDirectory> failpoints_;
  std::unique_ptr<Witness> witness_;
  std::map<DeathPoint, int> reached_;
  int round_ = 0;
};

}  // namespace holdfast
