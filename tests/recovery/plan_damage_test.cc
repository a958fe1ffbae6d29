// A whole checkpoint with one damaged journal, planned for with and without
// strict: all the others are as before, and the damaged one is told of.

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <fstream>

#include "absl/strings/str_cat.h"
#include "plugin/recovery/recovery_plan.h"
#include "shim/bundle/executor_journal.h"
#include "tests/fakes/temporary_directory.h"
#include "tests/recovery/damaged_files.h"
#include "tests/shim/bundle/records.h"

namespace holdfast {
namespace {

using Report = v1::GetRecoveryResponse;

class PlanDamage : public testing::Test {
 protected:
  void SetUp() override {
    for (const std::string& path :
         {layout_.work_dir, layout_.Executors(true),
          layout_.Executor("c-7", true), layout_.Executor("other", true)}) {
      ASSERT_EQ(mkdir(path.c_str(), 0700), 0) << path;
    }
    v1::Intent intent = AnIntent();
    intent.set_container_id("other");
    auto journal = ExecutorJournal::Create(
        SystemFiles(), layout_.Journal("other", true), intent);
    v1::JournalRecord started = StartedRecord(8);
    started.mutable_started()->set_boot_id("boot-1");
    ASSERT_TRUE(journal->Record({started, ExitedRecord(0)}).ok());
  }

  void Damage(const std::string& content) {
    std::ofstream(layout_.Journal("c-7", true),
                  std::ios::trunc | std::ios::binary)
        << content;
  }
  Report Plan(bool strict) {
    PlanOptions options;
    options.strict = strict;
    options.boot_id = "boot-1";
    return PlanRecovery(SystemFiles(), layout_, options).value();
  }

  const TemporaryDirectory directory_;
  const Layout layout_ = {directory_ / "work", directory_ / "run"};
};

TEST_F(PlanDamage, OfOneIsToldAndIsItsOwnAlone) {
  for (const GoodFile& good : GoodJournals()) {
    const auto attempt = [&](const std::string& content,
                             const std::string& what) {
      SCOPED_TRACE(absl::StrCat(good.name, ", ", what));
      Damage(content);

      const Report strict = Plan(true);
      const Report lenient = Plan(false);

      ASSERT_EQ(strict.damage_size(), 1);
      EXPECT_EQ(strict.damage(0).file(), layout_.Journal("c-7", true));
      EXPECT_TRUE(strict.damage(0).has_offset_bytes());
      EXPECT_FALSE(strict.complete());
      ASSERT_EQ(lenient.executors_size(), 2);
      EXPECT_EQ(lenient.executors(0).decision(), Report::QUARANTINED);
      EXPECT_EQ(lenient.executors(1).decision(), Report::ENDED_WHILE_AWAY);
      EXPECT_TRUE(lenient.complete());
    };
    for (size_t at = 0; at < good.end; at += good.end / 5 + 1) {
      CutEverywhere(good, at, at + 1, attempt);
    }
    std::string flipped = good.content;
    flipped[good.end / 2] = static_cast<char>(flipped[good.end / 2] ^ 4);
    attempt(flipped, "flipped");
  }
}

}  // namespace
}  // namespace holdfast
