#include "plugin/recovery/fsck.h"

#include <unistd.h>

#include <map>

#include "gmock/gmock.h"
#include "plugin/checkpoint/spare_directory.h"
#include "shim/records/journal.h"
#include "tests/plugin/recovery/checkpoint_fixture.h"

namespace holdfast {
namespace {

using ::testing::HasSubstr;
using Finding = v1::FsckReport::Finding;

class Fsck : public CheckpointTest {
 protected:
  v1::FsckReport Check(bool repair = false) {
    const auto report = CheckAll(SystemFiles(), layout_, repair);
    EXPECT_TRUE(report.ok()) << report.status();
    return report.value_or(v1::FsckReport());
  }
  // File → finding.
  static std::map<std::string, Finding> ByFile(const v1::FsckReport& report) {
    std::map<std::string, Finding> findings;
    for (const Finding& finding : report.findings()) {
      findings[finding.file()] = finding;
    }
    return findings;
  }
};

TEST_F(Fsck, FindsNothingInAGoodCheckpoint) {
  MakeExecutor("c-1", {StartedIn(kThisBoot)});

  const v1::FsckReport report = Check();

  EXPECT_EQ(report.findings_size(), 0);
  EXPECT_EQ(report.journals(), 1u);
  EXPECT_EQ(report.records(), 2u);
  EXPECT_FALSE(IsDamaged(report));
}

TEST_F(Fsck, NamesAllThatIsDamagedWithItsOffset) {
  MakeExecutor("c-1");
  MakeExecutor("c-2");
  Flip(layout_.AgentRecord(), 10);
  Flip(layout_.FrameworkRecord("f-1"), 10);
  Flip(layout_.Journal("c-1", true), 0);
  ASSERT_EQ(unlink(layout_.Journal("c-2", true).c_str()), 0);
  ASSERT_EQ(mkdir(layout_.Journal("c-2", true).c_str(), 0700), 0);

  const v1::FsckReport report = Check();

  const std::map<std::string, Finding> findings = ByFile(report);
  EXPECT_TRUE(IsDamaged(report));
  ASSERT_EQ(findings.size(), 4u);
  EXPECT_EQ(findings.at(layout_.AgentRecord()).offset_bytes(), 4u);
  EXPECT_EQ(findings.at(layout_.FrameworkRecord("f-1")).offset_bytes(), 4u);
  const Finding& magic = findings.at(layout_.Journal("c-1", true));
  EXPECT_EQ(magic.kind(), v1::FsckReport::DAMAGE);
  EXPECT_TRUE(magic.has_offset_bytes());
  EXPECT_EQ(magic.offset_bytes(), 0u);
  EXPECT_EQ(magic.container_id(), "c-1");
  EXPECT_FALSE(magic.cure().empty());
  EXPECT_THAT(findings.at(layout_.Journal("c-2", true)).what(),
              HasSubstr("Is a directory"));
}

TEST_F(Fsck, TellsWhatADeathLeftFromDamage) {
  MakeExecutor("c-1");
  const std::string journal = layout_.Journal("c-1", true);
  std::string content = Read(journal);
  content[content.find_last_not_of('\0') + 2000] = 'x';  // a lone sector
  Write(journal, content);
  Write(layout_.AgentRecord() + ".new", "half");
  ASSERT_EQ(mkdir((layout_.Executors(true) + "/.removing-c-2").c_str(), 0700),
            0);
  ASSERT_EQ(mkdir(layout_.Executor("c-3", true).c_str(), 0700), 0);

  const v1::FsckReport report = Check();

  EXPECT_FALSE(IsDamaged(report));
  EXPECT_EQ(report.findings_size(), 4);
  for (const Finding& finding : report.findings()) {
    EXPECT_EQ(finding.kind(), v1::FsckReport::HARMLESS) << finding.file();
  }
  EXPECT_THAT(ByFile(report).at(journal).what(), HasSubstr("torn"));
}

TEST_F(Fsck, KnowsDirectoriesThatWereMadeAhead) {
  MakeExecutor("c-1");
  ASSERT_EQ(rename(layout_.Executor("c-1", true).c_str(),
                   SparePath(layout_, "s-1").c_str()),
            0);
  const std::string unused = SparePath(layout_, "s-2");
  ASSERT_EQ(mkdir(unused.c_str(), 0700), 0);
  ASSERT_TRUE(Journal::Put(SystemFiles(), unused + "/journal", {}).ok());

  const v1::FsckReport report = Check();

  EXPECT_FALSE(IsDamaged(report));
  EXPECT_EQ(report.journals(), 1u);
  ASSERT_EQ(report.findings_size(), 1);
  EXPECT_EQ(report.findings(0).kind(), v1::FsckReport::HARMLESS);
  EXPECT_EQ(report.findings(0).file(), SparePath(layout_, "s-1"));
  EXPECT_THAT(report.findings(0).what(), HasSubstr("c-1"));

  Flip(SparePath(layout_, "s-1") + "/journal", 30);
  EXPECT_FALSE(IsDamaged(Check(/*repair=*/true)));
  EXPECT_TRUE(IsThere(layout_.Quarantine() + "/" + SpareName("s-1")));
  EXPECT_TRUE(IsThere(unused));
}

TEST_F(Fsck, RepairsByMovingAsideAndDeletesNothing) {
  MakeExecutor("c-1");
  MakeExecutor("c-2");
  Flip(layout_.Journal("c-1", true), 30);
  Flip(layout_.AgentRecord(), 10);
  Flip(layout_.FrameworkRecord("f-1"), 10);
  const std::string journal = Read(layout_.Journal("c-1", true));

  const v1::FsckReport report = Check(/*repair=*/true);

  EXPECT_FALSE(IsDamaged(report));
  EXPECT_EQ(Read(layout_.Quarantine() + "/c-1/journal"), journal);
  EXPECT_TRUE(IsThere(layout_.Quarantine() + "/agent.record"));
  EXPECT_TRUE(IsThere(layout_.Quarantine() + "/frameworks/f-1.record"));
  EXPECT_TRUE(IsThere(layout_.Journal("c-2", true)));
  const v1::FsckReport again = Check();
  EXPECT_FALSE(IsDamaged(again));
  EXPECT_EQ(again.findings_size(), 3) << "the quarantine is listed";
}

TEST_F(Fsck, NeverMovesAJournalWhoseWriterLives) {
  const ExecutorJournal shims = MakeExecutor("c-1");
  const std::string journal = layout_.Journal("c-1", true);
  Flip(journal, 30);

  const v1::FsckReport report = Check(/*repair=*/true);

  EXPECT_TRUE(IsDamaged(report));
  EXPECT_THAT(ByFile(report).at(journal).refusal(), HasSubstr(journal));
  EXPECT_TRUE(IsThere(journal));
}

TEST_F(Fsck, MovesNothingWhileAPluginRuns) {
  MakeExecutor("c-1");
  Flip(layout_.Journal("c-1", true), 30);
  const auto plugin = AgentStore::Open(SystemFiles(), layout_);
  ASSERT_TRUE(plugin.ok()) << plugin.status();

  const v1::FsckReport report = Check(/*repair=*/true);

  EXPECT_TRUE(IsDamaged(report));
  EXPECT_THAT(report.findings(0).refusal(),
              HasSubstr(layout_.work_dir + "/lock"));
  EXPECT_TRUE(IsThere(layout_.Journal("c-1", true)));
}

TEST_F(Fsck, WorksWithoutARuntimeDir) {
  MakeExecutor("c-1");
  ASSERT_TRUE(RemoveTree(layout_.runtime_dir).ok());

  EXPECT_EQ(Check().findings_size(), 0);
}

TEST_F(Fsck, FindsACopyOfAnExecutorsDirectory) {
  MakeExecutor("c-1");
  ASSERT_EQ(mkdir(layout_.Executor("c-2", true).c_str(), 0700), 0);
  Write(layout_.Journal("c-2", true), Read(layout_.Journal("c-1", true)));

  const v1::FsckReport report = Check();

  ASSERT_EQ(report.findings_size(), 1);
  EXPECT_EQ(report.findings(0).container_id(), "c-2");
  EXPECT_THAT(report.findings(0).what(), HasSubstr("that of c-1"));
}

}  // namespace
}  // namespace holdfast
