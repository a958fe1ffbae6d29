// `recover --plan` says what a restart does, over executors in every state
// that one can be found in; then the restart does it.

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#include "absl/strings/str_cat.h"
#include "base/boot_id.h"
#include "gmock/gmock.h"
#include "plugin/recovery/recovery_plan.h"
#include "shim/bundle/executor_journal.h"
#include "tests/integration/checkpoint_fixture.h"

namespace holdfast {
namespace {

using testing::HasSubstr;
using testing::Pair;
using testing::UnorderedElementsAre;

class Plan : public DamageTest {
 protected:
  v1::GetRecoveryResponse MakePlan(bool strict) {
    PlanOptions options;
    options.strict = strict;
    options.boot_id = Must(ReadBootId());
    options.cgroups_root = agent().cgroups_root();
    return Must(PlanRecovery(SystemFiles(), layout(), options));
  }
  ctl::CtlProcess::Result PlanByHand(std::vector<std::string> more = {}) {
    std::vector<std::string> words = {"recover",        "--plan",
                                      "--work_dir",     agent().work_dir(),
                                      "--runtime_dir",  agent().runtime_dir(),
                                      "--cgroups_root", agent().cgroups_root()};
    words.insert(words.end(), more.begin(), more.end());
    return ctl::RunCtl("", words);
  }

  // An executor that only its journal knows of.
  void MakeJournal(const std::string& id,
                   const std::vector<v1::JournalRecord>& records) {
    ASSERT_EQ(mkdir(layout().Executor(id, true).c_str(), 0700), 0);
    v1::Intent intent;
    intent.set_container_id(id);
    intent.set_agent_id(agent_id_);
    intent.set_framework_id(kFramework);
    intent.set_executor_id(id);
    intent.set_checkpoint(true);
    intent.mutable_task()->set_task_id(id);
    auto journal = ExecutorJournal::Create(SystemFiles(),
                                           layout().Journal(id, true), intent);
    ASSERT_TRUE(journal.ok()) << journal.status();
    ASSERT_TRUE(journal->Record(records).ok());
  }
  static v1::JournalRecord StartedAs(pid_t pid, const std::string& boot_id) {
    v1::JournalRecord record;
    record.mutable_started()->set_pid(pid);
    record.mutable_started()->set_boot_id(boot_id);
    return record;
  }

  std::string agent_id_;
};

TEST_F(Plan, IsWhatARestartDoes) {
  agent_id_ = Info().agent().agent_id();
  Register("fleeting", /*checkpoint=*/false);
  const v1::Task living = LaunchSleeper("living");
  const v1::Task adopted = LaunchSleeper("shim-dead");
  const v1::Task damaged = LaunchSleeper("damaged");
  const v1::Task told = LaunchSleeper("damaged-but-told");
  const v1::Task hung = LaunchSleeper("hung");
  const v1::Task ended =
      Launch(ShellTask("ended", "while ! [ -e " + Scratch("cue") +
                                    " ]; do sleep 0.02; done; exit 3"));
  AwaitRunning({"ended"});
  const v1::Task fleeting =
      Launch(ShellTask("fleeting", "sleep 1000"), "fleeting");
  const v1::Task lost = LaunchSleeper("lost");
  std::vector<std::unique_ptr<ProcessWatch>> alive;
  for (const v1::Task& task : {living, adopted, damaged, told, hung, lost})
    alive.push_back(std::make_unique<ProcessWatch>(task.pid()));
  const ProcessWatch ended_shim(ended.shim_pid());
  const ProcessWatch fleeting_shim(fleeting.shim_pid());
  KillAgentQuietly({living, adopted, damaged, told, hung, ended, lost});
  fleeting_shim.WaitForEnd(absl::Seconds(20));
  WriteFile(Scratch("cue"), "");
  ended_shim.WaitForEnd(absl::Seconds(20));
  for (const v1::Task& task : {adopted, damaged, lost}) KillShim(task);
  const ProcessWatch hung_shim(hung.shim_pid());
  hung_shim.Kill(SIGSTOP);
  Flip(JournalOf(damaged), 60);
  Flip(JournalOf(told), 60);
  ASSERT_TRUE(RemoveTree(layout().Executor(lost.container_id(), true)).ok());
  MakeJournal("never-started", {});
  MakeJournal("rebooted", {StartedAs(getpid(), "another boot")});
  ASSERT_EQ(mkdir(layout().Executor("broken-off", true).c_str(), 0700), 0);
  const auto before = Snapshot(agent().work_dir());

  const v1::GetRecoveryResponse strict = MakePlan(true);
  const v1::GetRecoveryResponse plan = MakePlan(false);
  EXPECT_EQ(Snapshot(agent().work_dir()), before);
  const auto by_hand = PlanByHand();
  StartWith({"--strict=false"});
  const v1::GetRecoveryResponse outcome = Recovery();

  EXPECT_EQ(by_hand.exit_code, EX_DATAERR) << by_hand.err;
  EXPECT_THAT(by_hand.out, HasSubstr(JournalOf(damaged)));
  EXPECT_FALSE(strict.complete());
  EXPECT_EQ(strict.damage_size(), 2);
  EXPECT_EQ(Decisions(plan), Decisions(outcome));
  EXPECT_THAT(
      Decisions(outcome),
      UnorderedElementsAre(
          Pair(living.container_id(), "REATTACHED SHIM_ALIVE"),
          Pair(adopted.container_id(), "ADOPTED SHIM_DIED"),
          Pair(damaged.container_id(), "QUARANTINED JOURNAL_DAMAGED"),
          Pair(told.container_id(), "REATTACHED JOURNAL_DAMAGED_SHIM_ALIVE"),
          Pair(hung.container_id(), "UNATTACHED NO_ANSWER"),
          Pair(ended.container_id(), "ENDED_WHILE_AWAY EXIT_RECORDED"),
          Pair(fleeting.container_id(), "CLEANED_UP CHECKPOINT_FALSE"),
          Pair("never-started", "ROLLED_BACK NEVER_STARTED"),
          Pair("rebooted", "AGENT_REBOOTED BOOT_ID_DIFFERS"),
          Pair("broken-off", "ROLLED_BACK NO_INTENT")));
  ASSERT_EQ(plan.orphans_size(), 1);
  EXPECT_EQ(plan.orphans(0).container_id(), lost.container_id());
  EXPECT_EQ(outcome.orphans_size(), 2) << "and the quarantined one's";
  for (const auto& process : alive) EXPECT_TRUE(process->Runs());
  hung_shim.Kill(SIGCONT);
  EXPECT_TRUE(Eventually([&] { return Get("hung").task().attached(); }));
}

TEST_F(Plan, CanBeMadeWhileThePluginRunsAndDisturbsNobody) {
  const v1::Task living = LaunchSleeper("living");
  const ProcessWatch executor(living.pid());
  Launch(ShellTask("ended", "exit 3"));
  AwaitEnd("ended");

  const auto shown = PlanByHand();
  const v1::GetRecoveryResponse plan = MakePlan(true);

  EXPECT_EQ(shown.exit_code, 0) << shown.err;
  EXPECT_THAT(shown.out, HasSubstr("REATTACHED"));
  EXPECT_TRUE(Get("living").task().attached());
  KillAgent();
  StartWith({});
  EXPECT_EQ(Decisions(plan), Decisions(Recovery()));
  EXPECT_TRUE(executor.Runs());
}

TEST_F(Plan, NeedsToBeAskedFor) {
  EXPECT_EQ(ctl::RunCtl(address(), {"recover"}).exit_code, 64);
}

}  // namespace
}  // namespace holdfast
