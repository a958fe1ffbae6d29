// A journal that was damaged while its shim lives: the shim is asked.

#include <fcntl.h>
#include <unistd.h>

#include <filesystem>

#include "absl/strings/str_cat.h"
#include "base/unique_fd.h"
#include "gmock/gmock.h"
#include "shim/bundle/executor_journal.h"
#include "tests/integration/agent_fixture.h"

namespace holdfast {
namespace {

class DamagedJournal : public AgentTest {
 protected:
  void SetUp() override {
    AgentTest::SetUp();
    if (IsSkipped()) return;
    Register(kFramework);
    Watch(kFramework);
    task_ = Launch(ShellTask("damaged", absl::StrCat("while ! [ -e ", Cue(),
                                                     " ]; do sleep 0.01; "
                                                     "done; exit 6")));
    AwaitRunning({"damaged"});
    KillAgent();
    agent().SetFlags({"--strict=false"});
  }
  std::string Cue() const { return Scratch("cue"); }
  std::string Journal() {
    return absl::StrCat(agent().work_dir(), "/executors/", task_.container_id(),
                        "/journal");
  }
  void Overwrite(off_t offset, const std::string& bytes) {
    const UniqueFd file(open(Journal().c_str(), O_WRONLY | O_CLOEXEC));
    ASSERT_EQ(pwrite(file.get(), bytes.data(), bytes.size(), offset),
              static_cast<ssize_t>(bytes.size()));
  }
  bool IsWhole() {
    const auto facts = ExecutorJournal::Peek(SystemFiles(), Journal());
    return facts.ok() && facts->started && facts->started->pid() == task_.pid();
  }

  // The executor is as it was, and its journal is whole again.
  void ExpectAttachedAsBefore() {
    const v1::Task now = Get("damaged").task();
    EXPECT_TRUE(now.attached());
    EXPECT_EQ(now.pid(), task_.pid());
    EXPECT_EQ(now.shim_pid(), task_.shim_pid());
    EXPECT_TRUE(Eventually([this] { return IsWhole(); }));
  }
  // What it does next is durable, and survives the agent's next death too.
  void ExpectEndsAsOthersDo() {
    KillAgent();
    agent().SetFlags({});
    WriteFile(Cue(), "");
    ProcessWatch(task_.shim_pid()).WaitForEnd(absl::Seconds(20));
    RestartAgent();
    EXPECT_EQ(AwaitEnd("damaged").exit_code(), 6);
    EXPECT_EQ(ledger().Get("damaged").updates.size(), 2u);
  }

  v1::Task task_;
};

TEST_F(DamagedJournal, CostsNothingWhereItsShimLives) {
  Overwrite(20, "XXXX");

  RestartAgent();

  ExpectAttachedAsBefore();
  const auto decision = DecisionOn(task_.container_id());
  EXPECT_EQ(decision.decision(), v1::GetRecoveryResponse::REATTACHED);
  EXPECT_EQ(decision.reason(), "JOURNAL_DAMAGED_SHIM_ALIVE");
  EXPECT_THAT(testing::PrintToString(decision.evidence()),
              testing::AllOf(testing::HasSubstr(Journal()),
                             testing::HasSubstr("offset 4")));
  EXPECT_TRUE(std::filesystem::exists(Journal() + ".damaged-1"));
  ExpectEndsAsOthersDo();
}

TEST_F(DamagedJournal, CostsNothingWhereItIsGone) {
  ASSERT_EQ(unlink(Journal().c_str()), 0);

  RestartAgent();

  ExpectAttachedAsBefore();
  EXPECT_EQ(DecisionOn(task_.container_id()).reason(),
            "JOURNAL_DAMAGED_SHIM_ALIVE");
  ExpectEndsAsOthersDo();
}

TEST_F(DamagedJournal, CostsNothingWhereItIsEmpty) {
  ASSERT_EQ(truncate(Journal().c_str(), 0), 0);

  RestartAgent();

  ExpectAttachedAsBefore();
  EXPECT_TRUE(std::filesystem::exists(Journal() + ".damaged-1"));
  ExpectEndsAsOthersDo();
}

TEST_F(DamagedJournal, IsRefusedByStrictAndItsExecutorLivesOn) {
  Overwrite(20, "XXXX");
  agent().SetFlags({"--strict=true"});

  ASSERT_TRUE(agent().Spawn().ok());
  ProcessWatch(agent().pid()).WaitForEnd(absl::Seconds(20));
  KillAgent();  // reaps it

  EXPECT_THAT(AgentLog(), testing::HasSubstr(Journal()));
  EXPECT_FALSE(IsWhole()) << "nothing is touched";
  EXPECT_TRUE(ProcessWatch(task_.pid()).Runs());
  EXPECT_TRUE(ProcessWatch(task_.shim_pid()).Runs());
  agent().SetFlags({"--strict=false"});
  RestartAgent();
  ExpectAttachedAsBefore();
  ExpectEndsAsOthersDo();
}

}  // namespace
}  // namespace holdfast
