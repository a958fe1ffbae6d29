// `holdfastctl fsck`, beside a plugin and without one.

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "tests/integration/checkpoint_fixture.h"

namespace holdfast {
namespace {

using testing::AllOf;
using testing::HasSubstr;

class FsckCommand : public DamageTest {
 protected:
  ctl::CtlProcess::Result Fsck(std::vector<std::string> more = {}) {
    std::vector<std::string> words = {"fsck", "--work_dir", agent().work_dir(),
                                      "--runtime_dir", agent().runtime_dir()};
    words.insert(words.end(), more.begin(), more.end());
    return ctl::RunCtl("", words);
  }
};

TEST_F(FsckCommand, FindsNothingBesideABusyPlugin) {
  LaunchSleeper("living");
  Launch(ShellTask("ended", "exit 3"));
  AwaitEnd("ended");

  const auto found = Fsck();

  EXPECT_EQ(found.exit_code, 0) << found.out << found.err;
  EXPECT_THAT(found.out, HasSubstr("2 good journals, 0 damaged"));
}

TEST_F(FsckCommand, NamesWhoOwnsWhatItMayNotMove) {
  const v1::Task task = LaunchSleeper("living");
  const ProcessWatch executor(task.pid());
  Flip(JournalOf(task), 60);

  const auto beside = Fsck({"--repair"});
  Flip(JournalOf(task), 60);  // so that the shim's end is found good
  KillAgentQuietly({task});
  Flip(JournalOf(task), 60);
  const auto without = Fsck({"--repair"});
  Flip(JournalOf(task), 60);

  EXPECT_EQ(beside.exit_code, 1) << beside.out;
  EXPECT_THAT(beside.out, HasSubstr(absl::StrCat("holdfastd (pid ")));
  EXPECT_EQ(without.exit_code, 1) << without.out;
  EXPECT_THAT(without.out,
              HasSubstr(absl::StrCat("holdfast-shim (pid ", task.shim_pid())));
  EXPECT_TRUE(executor.Runs());
  StartWith({});
  EXPECT_TRUE(Get("living").task().attached());
}

TEST_F(FsckCommand, MovesAsideWhatNobodyOwnsSoThatStrictStarts) {
  const v1::Task task = LaunchSleeper("damaged");
  const ProcessWatch executor(task.pid());
  const v1::Task other = LaunchSleeper("other");
  KillAgentQuietly({task, other});
  KillShim(task);
  Flip(JournalOf(task), 60);

  const auto found = Fsck();
  const auto repaired = Fsck({"--repair"});
  const auto again = Fsck();

  EXPECT_EQ(found.exit_code, 1);
  EXPECT_THAT(found.out, AllOf(HasSubstr("DAMAGE  " + JournalOf(task)),
                               HasSubstr("at byte 4"), HasSubstr("cure:")));
  EXPECT_EQ(repaired.exit_code, 0) << repaired.out;
  EXPECT_THAT(repaired.out, HasSubstr("moved: " + layout().Quarantine()));
  EXPECT_EQ(again.exit_code, 0) << again.out;
  EXPECT_THAT(again.out, HasSubstr("QUARANTINED"));
  EXPECT_TRUE(executor.Runs());
  StartWith({});
  EXPECT_TRUE(Get("other").task().attached());
  EXPECT_EQ(Info().orphans(), 1u);
}

TEST_F(FsckCommand, SaysWhatItCannotFind) {
  const auto found =
      ctl::RunCtl("", {"fsck", "--work_dir", Scratch("nowhere")});

  EXPECT_EQ(found.exit_code, 66);
  EXPECT_THAT(found.err, HasSubstr(Scratch("nowhere")));
}

}  // namespace
}  // namespace holdfast
