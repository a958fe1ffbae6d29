// A process that reaches the failpoint that a test has armed, so many times.

#include "base/failpoint.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include <fstream>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/files.h"
#include "gtest/gtest.h"
#include "tests/fakes/temporary_directory.h"

namespace holdfast {
namespace {

class FailpointTest : public testing::Test {
 protected:
  void Arm(const std::string& what) {
    std::ofstream(directory_.path() + "/armed") << what;
  }
  std::string Content(const std::string& name) {
    return ReadSmallFile(absl::StrCat(directory_.path(), "/", name))
        .value_or("none");
  }
  // In a child: the variable is read once in a process's life.
  void ReachTwice() {
    setenv("HOLDFAST_FAILPOINTS_DIR", directory_.path().c_str(), 1);
    errno = EBUSY;
    HOLDFAST_FAILPOINT(JournalAppended);
    HOLDFAST_FAILPOINT(JournalAppended);
    _exit(errno == EBUSY ? 0 : 1);
  }
  std::string Me() const { return program_invocation_short_name; }

  TemporaryDirectory directory_;
};

using FailpointDeathTest = FailpointTest;

TEST_F(FailpointDeathTest, IsNotedAndKillsNobodyWhereNoneIsArmed) {
  EXPECT_EXIT(ReachTwice(), testing::ExitedWithCode(0), "");

  const std::string line = absl::StrCat(Me(), " JournalAppended\n");
  EXPECT_EQ(Content("reached"), line + line);
}

TEST_F(FailpointDeathTest, KillsWhoReachesItForTheLastTimeThatWasAskedFor) {
  const std::string armed = absl::StrCat(Me(), " JournalAppended 2");
  Arm(armed);

  EXPECT_EXIT(ReachTwice(), testing::KilledBySignal(SIGKILL), "");

  const std::string line = absl::StrCat(Me(), " JournalAppended\n");
  EXPECT_EQ(Content("reached"), line + line);
  EXPECT_EQ(Content("died"), armed);
  EXPECT_EQ(Content("armed"), "none");
}

TEST_F(FailpointDeathTest, KillsOnlyOnce) {
  Arm(absl::StrCat(Me(), " JournalAppended 1"));

  EXPECT_EXIT(ReachTwice(), testing::KilledBySignal(SIGKILL), "");
  EXPECT_EXIT(ReachTwice(), testing::ExitedWithCode(0), "");
}

TEST_F(FailpointDeathTest, KillsNeitherAnotherProgramNorAtAnotherPoint) {
  for (const std::string& armed : {absl::StrCat("holdfastd JournalAppended 1"),
                                   absl::StrCat(Me(), " JournalAppend 1"),
                                   absl::StrCat(Me(), " JournalAppending 1"),
                                   absl::StrCat(Me(), " JournalAppended 3"),
                                   absl::StrCat(Me(), " JournalAppended")}) {
    Arm(armed);

    EXPECT_EXIT(ReachTwice(), testing::ExitedWithCode(0), "") << armed;

    ASSERT_EQ(unlink((directory_.path() + "/reached").c_str()), 0);
  }
}

}  // namespace
}  // namespace holdfast
