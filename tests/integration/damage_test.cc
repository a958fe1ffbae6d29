// A damaged checkpoint: strict touches nothing and says all of it; without
// strict each damaged executor is its own trouble alone. Whoever ran, runs on.

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "shim/bundle/executor_journal.h"
#include "tests/integration/checkpoint_fixture.h"

namespace holdfast {
namespace {

using testing::AllOf;
using testing::Contains;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Pair;

const std::string kRefused = absl::StrCat("exited ", EX_DATAERR);

// The part of a log that lists damage for a person.
std::string ListIn(const std::string& log) {
  const size_t at = log.find("\n1. ");
  return at == log.npos ? "" : log.substr(at + 1);
}

using Snapshots = std::map<std::string, std::string>;

// The paths of what was added, removed or written to.
std::vector<std::string> Changed(const Snapshots& before,
                                 const Snapshots& after) {
  std::vector<std::string> changed;
  for (const auto& [path, content] : before) {
    const auto now = after.find(path);
    if (now == after.end() || now->second != content) changed.push_back(path);
  }
  for (const auto& [path, content] : after) {
    if (!before.contains(path)) changed.push_back(path);
  }
  return changed;
}

class DamagedCheckpoint : public DamageTest {
 protected:
  void SetUp() override {
    DamageTest::SetUp();
    if (IsSkipped()) return;
    for (const char* id : {"one", "two", "three"}) {
      tasks_.push_back(LaunchSleeper(id));
      executors_.push_back(std::make_unique<ProcessWatch>(tasks_.back().pid()));
    }
  }

  void ExpectAllRun() {
    for (const auto& executor : executors_) EXPECT_TRUE(executor->Runs());
  }
  void ExpectAllAttached() {
    for (const v1::Task& task : tasks_) {
      const v1::Task now = Get(task.task_id()).task();
      EXPECT_EQ(now.pid(), task.pid()) << task.task_id();
      EXPECT_TRUE(now.attached()) << task.task_id() << now.condition();
    }
  }
  std::string Framework() { return layout().FrameworkRecord(kFramework); }

  std::vector<v1::Task> tasks_;
  std::vector<std::unique_ptr<ProcessWatch>> executors_;
};

TEST_F(DamagedCheckpoint, IsListedWholeAndTouchedNowhereByStrict) {
  KillAgentQuietly(tasks_);
  const std::string agent_record = layout().AgentRecord();
  Flip(agent_record, 20);
  Flip(Framework(), 20);
  Flip(JournalOf(tasks_[0]), 60);
  Overwrite(JournalOf(tasks_[1]), 3, "\x09");
  ASSERT_EQ(mkdir(layout().Executor("ran", true).c_str(), 0700), 0);
  WriteFile(layout().Executor("ran", true) + "/stdout", "it ran");
  const auto before = Snapshot(agent().work_dir());
  NewLog();

  EXPECT_EQ(StartInVain({}), kRefused);
  const std::string first = NewLog();
  EXPECT_EQ(StartInVain({"--strict=true"}), kRefused);
  const std::string second = NewLog();

  for (const std::string& named :
       {agent_record + ", at byte 4", Framework() + ", at byte 4",
        JournalOf(tasks_[0]) + ", at byte 4",
        JournalOf(tasks_[1]) + ", at byte 3",
        std::string("written as version 9, this reads up to 1"),
        layout().Journal("ran", true), std::string("cure:")}) {
    EXPECT_THAT(first, HasSubstr(named));
  }
  EXPECT_THAT(ListIn(first), HasSubstr("5. "));
  EXPECT_EQ(ListIn(second), ListIn(first));
  EXPECT_THAT(Changed(before, Snapshot(agent().work_dir())), IsEmpty());
  ExpectAllRun();

  ASSERT_TRUE(RemoveTree(layout().Executor("ran", true)).ok());
  Flip(agent_record, 20);
  Flip(Framework(), 20);
  Flip(JournalOf(tasks_[0]), 60);
  Overwrite(JournalOf(tasks_[1]), 3, "\x01");
  StartWith({});
  ExpectAllAttached();
}

TEST_F(DamagedCheckpoint, WhoseShimIsDeadIsSetAsideAndTheRestRecovers) {
  KillAgentQuietly(tasks_);
  KillShim(tasks_[0]);
  Flip(JournalOf(tasks_[0]), 60);
  const std::string journal = Must(ReadSmallFile(JournalOf(tasks_[0])));
  const std::string id = tasks_[0].container_id();

  StartWith({"--strict=false"});

  const std::string aside = layout().Quarantine() + "/" + id;
  EXPECT_EQ(Must(ReadSmallFile(aside + "/journal")), journal);
  EXPECT_NE(access((aside + "/stdout").c_str(), F_OK), -1) << "all of it";
  ExpectAllRun();
  for (const char* other : {"two", "three"})
    EXPECT_TRUE(Get(other).task().attached());
  const v1::GetRecoveryResponse report = Recovery();
  EXPECT_THAT(Decisions(report),
              Contains(Pair(id, "QUARANTINED JOURNAL_DAMAGED")));
  ASSERT_EQ(report.damage_size(), 1);
  EXPECT_EQ(report.damage(0).container_id(), id);
  EXPECT_TRUE(report.damage(0).has_offset_bytes());
  ASSERT_EQ(report.orphans_size(), 1);
  EXPECT_THAT(report.orphans(0).explanation(), HasSubstr("in quarantine"));
  EXPECT_THAT(report.orphans(0).pids(), Contains(tasks_[0].pid()));
  EXPECT_EQ(Info().quarantined(), 1u);
  EXPECT_EQ(Info().orphans(), 1u);
  const std::string shown = ctl::RunCtl(address(), {"recovery"}).out;
  EXPECT_THAT(shown, AllOf(HasSubstr("QUARANTINED"), HasSubstr("DAMAGE"),
                           HasSubstr("at byte"), HasSubstr("ORPHAN"),
                           HasSubstr("left alone")));

  KillAgent();
  StartWith({"--strict=true"});
  EXPECT_EQ(Info().quarantined(), 1u) << "it stays";
  EXPECT_EQ(Info().orphans(), 1u);
  ExpectAllRun();
}

TEST_F(DamagedCheckpoint, WhoseShimLivesIsTakenFromTheShim) {
  KillAgentQuietly(tasks_);
  Flip(JournalOf(tasks_[0]), 60);

  StartWith({"--strict=false"});

  ExpectAllAttached();
  const v1::GetRecoveryResponse report = Recovery();
  EXPECT_THAT(Decisions(report),
              Contains(Pair(tasks_[0].container_id(),
                            "REATTACHED JOURNAL_DAMAGED_SHIM_ALIVE")));
  EXPECT_EQ(report.damage_size(), 1);
  EXPECT_EQ(Info().quarantined(), 0u);
}

TEST_F(DamagedCheckpoint, OfTheAgentItselfIsMadeAnewFromTheJournals) {
  const std::string agent_id = Info().agent().agent_id();
  KillAgentQuietly(tasks_);
  Flip(layout().AgentRecord(), 20);
  const std::string record = Must(ReadSmallFile(layout().AgentRecord()));

  StartWith({"--strict=false"});

  EXPECT_EQ(Info().agent().agent_id(), agent_id);
  EXPECT_EQ(Must(ReadSmallFile(layout().Quarantine() + "/agent.record")),
            record);
  ExpectAllAttached();
  EXPECT_EQ(Recovery().damage_size(), 1);
  KillAgent();
  StartWith({"--strict=true"});
  EXPECT_EQ(Info().agent().agent_id(), agent_id);
}

// What a journal can become, as a person or a disk would.
void Turn(const std::string& path, int kind) {
  switch (kind) {
    case 0:
      ASSERT_EQ(truncate(path.c_str(), 0), 0);
      break;
    case 1:
      ASSERT_EQ(truncate(path.c_str(), 700), 0);
      break;
    case 2:
      ASSERT_EQ(unlink(path.c_str()), 0);
      ASSERT_EQ(mkdir(path.c_str(), 0700), 0);
      break;
    case 3:
      ASSERT_EQ(unlink(path.c_str()), 0);
      ASSERT_EQ(mkfifo(path.c_str(), 0600), 0);
      break;
    case 4:
      ASSERT_EQ(unlink(path.c_str()), 0);
      break;
    default:
      ASSERT_EQ(truncate(path.c_str(), off_t{1} << 40), 0);
      break;
  }
}

TEST_F(DamagedCheckpoint, OfWhateverShapeEndsNobody) {
  KillAgentQuietly(tasks_);
  for (const v1::Task& task : tasks_) KillShim(task);
  const std::string path = JournalOf(tasks_[0]);
  const std::string journal = Must(ReadSmallFile(path));
  for (int kind = 0; kind < 6; ++kind) {
    SCOPED_TRACE(kind);
    Turn(path, kind);
    NewLog();

    EXPECT_EQ(StartInVain({}), kRefused);
    EXPECT_THAT(NewLog(), HasSubstr(path));
    ExpectAllRun();

    ASSERT_TRUE(RemoveTree(path).ok());
    WriteFile(path, journal);
  }
  Turn(path, 5);
  StartWith({"--strict=false"});
  EXPECT_EQ(Info().quarantined(), 1u);
  ExpectAllRun();
}

// A sample of the mutations that tests/recovery tries by the ten thousand.
TEST_F(DamagedCheckpoint, AtAnyByteLeavesEveryExecutorAlone) {
  const std::string path = JournalOf(tasks_[0]);
  for (int round = 0; round < 12; ++round) {
    KillAgentQuietly({tasks_[0]});
    const std::string good = Must(ReadSmallFile(path));
    const size_t end = good.find_last_not_of('\0') + 1;
    const size_t at = end * round / 12;
    SCOPED_TRACE(absl::StrCat("byte ", at, " of ", end));
    if (round % 3 == 2) {
      ASSERT_EQ(truncate(path.c_str(), static_cast<off_t>(at)), 0);
    } else {
      Flip(path, at);
    }

    EXPECT_EQ(StartInVain({}), kRefused);
    ExpectAllRun();
    StartWith({"--strict=false"});

    ExpectAllRun();
    ExpectAllAttached();
    EXPECT_TRUE(Eventually([&] {  // its shim writes it anew
      return ExecutorJournal::Peek(SystemFiles(), path).ok();
    }));
  }
}

}  // namespace
}  // namespace holdfast
