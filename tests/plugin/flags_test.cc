#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdio.h>
#include <sys/wait.h>

#include <array>

#include "absl/strings/str_cat.h"
#include "tests/fakes/temporary_directory.h"

// What holdfastd makes of its command line and environment before it touches
// anything. What it refuses, it names.

namespace holdfast {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::StartsWith;

struct Result {
  int exit_code;
  std::string output;  // both
};

class FlagsTest : public testing::Test {
 protected:
  // With a work_dir of the test's own, should it start after all; then it is
  // ended, and that is 124.
  Result Run(const std::string& environment,
             const std::string& arguments) const {
    const std::string command =
        absl::StrCat("env -i ", environment, " timeout 20 ", HOLDFASTD_BINARY,
                     " --work_dir=", directory_.path(),
                     "/w --runtime_dir=", directory_.path(),
                     "/r --cgroups_root=holdfast-test-flags ", arguments,
                     " 2>&1 </dev/null");
    FILE* const pipe = popen(command.c_str(), "r");
    EXPECT_NE(pipe, nullptr);
    std::string output;
    std::array<char, 4096> buffer;
    while (const size_t got = fread(buffer.data(), 1, buffer.size(), pipe)) {
      output.append(buffer.data(), got);
    }
    const int status = pclose(pipe);
    return {WIFEXITED(status) ? WEXITSTATUS(status) : -1, output};
  }
  void ExpectRefused(const std::string& environment,
                     const std::string& arguments,
                     const testing::Matcher<std::string>& names) const {
    const Result result = Run(environment, arguments);
    EXPECT_NE(result.exit_code, 0) << environment << " " << arguments;
    EXPECT_NE(result.exit_code, 124) << "it started";
    EXPECT_THAT(result.output, names);
  }

  const TemporaryDirectory directory_;
};

TEST_F(FlagsTest, RefusesADurationThatIsNone) {
  ExpectRefused("", "--recovery_timeout=abc",
                AllOf(HasSubstr("recovery_timeout"), HasSubstr("abc")));
  ExpectRefused("", "--executor_shutdown_grace_period=-5secs",
                HasSubstr("executor_shutdown_grace_period"));
}

TEST_F(FlagsTest, NamesTheVariableThatIsWrong) {
  ExpectRefused("HOLDFAST_STRICT=maybe", "",
                HasSubstr("environment variable HOLDFAST_STRICT=maybe"));
  ExpectRefused("HOLDFAST_RECOVERY_TIMEOUT=abc", "",
                HasSubstr("HOLDFAST_RECOVERY_TIMEOUT=abc"));
  ExpectRefused("MESOS_STRICT=maybe", "", HasSubstr("MESOS_STRICT=maybe"));
}

TEST_F(FlagsTest, TakesItsOwnVariableBeforeMesos) {
  ExpectRefused("HOLDFAST_STRICT=maybe MESOS_STRICT=perhaps", "",
                HasSubstr("HOLDFAST_STRICT=maybe"));
}

TEST_F(FlagsTest, RefusesAFlagThatItDoesNotKnow) {
  ExpectRefused("", "--recover_timeout=1mins", HasSubstr("recover_timeout"));
  ExpectRefused("", "--nostrictly", HasSubstr("strictly"));
}

TEST_F(FlagsTest, RefusesAnArgument) {
  ExpectRefused("", "start", HasSubstr("\"start\""));
  ExpectRefused("", "-- --strict", HasSubstr("\"--strict\""));
}

TEST_F(FlagsTest, RefusesDirectoriesThatAreNone) {
  ExpectRefused("", "--work_dir=", HasSubstr("--work_dir: must not be empty"));
  ExpectRefused("", absl::StrCat("--runtime_dir=/", std::string(120, 'r')),
                AllOf(HasSubstr("--runtime_dir"), HasSubstr("107")));
}

TEST_F(FlagsTest, TellsItsVersion) {
  const Result result = Run("", "--version");

  EXPECT_EQ(result.exit_code, 0);
  EXPECT_THAT(result.output, StartsWith("holdfastd "));
}

TEST_F(FlagsTest, TellsItsFlagsAndNoOthers) {
  const Result result = Run("", "--help");

  for (const char* flag :
       {"--work_dir", "--runtime_dir", "--cgroups_root", "--strict",
        "--recovery_timeout", "--executor_shutdown_grace_period"}) {
    EXPECT_THAT(result.output, HasSubstr(flag));
  }
  EXPECT_THAT(result.output, testing::Not(HasSubstr("--flagfile")));
}

}  // namespace
}  // namespace holdfast
