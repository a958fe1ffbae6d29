#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdio.h>
#include <sys/wait.h>
#include <sysexits.h>

#include <array>
#include <fstream>
#include <set>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "base/files.h"
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
    EXPECT_EQ(result.exit_code, EX_USAGE) << environment << " " << arguments;
    EXPECT_THAT(result.output, names);
  }

  std::string WriteEnvFile(const std::string& text) const {
    const std::string path = directory_.path() + "/env";
    std::ofstream(path) << text;
    return path;
  }

  const TemporaryDirectory directory_;
};

TEST_F(FlagsTest, SaysWhatIsAllowedInsteadOfAWrongValue) {
  const struct {
    const char* argument;
    const char* allowed;
  } kWrong[] = {
      {"--strict=maybe", "allowed: true, false"},
      {"--recover=restart", "allowed: reconnect, cleanup"},
      {"--reconfiguration_policy=some", "allowed: equal, additive, any"},
      {"--orphans=murder", "allowed: leave, quarantine, kill"},
      {"--recovery_timeout=abc", "such as 15mins"},
      {"--executor_reregistration_timeout=2", "a unit is missing"},
      {"--executor_shutdown_grace_period=-5secs", "such as 15mins"},
      {"--agent_ping_timeout=0", "allowed: more than zero"},
      {"--max_agent_ping_timeouts=0", "allowed: a whole number, 1 or more"},
      {"--resources=cpus:many", "allowed: a number, ranges"},
      {"--attributes=rack", "not of the form name:value"},
      {"--gc_delay=forever", "such as 15mins"},
      {"--gc_disk_headroom=1.5", "allowed: a fraction from 0 to 1"},
      {"--disk_watch_interval=0", "allowed: more than zero"},
      {"--metrics_address=9811", "allowed: HOST:PORT"},
  };
  for (const auto& [argument, allowed] : kWrong) {
    ExpectRefused("", argument, AllOf(HasSubstr(argument), HasSubstr(allowed)));
  }
}

TEST_F(FlagsTest, NamesTheVariableThatIsWrong) {
  ExpectRefused("HOLDFAST_STRICT=maybe", "",
                AllOf(HasSubstr("environment variable HOLDFAST_STRICT=maybe"),
                      HasSubstr("allowed: true, false")));
  ExpectRefused("HOLDFAST_RECOVERY_TIMEOUT=abc", "",
                HasSubstr("HOLDFAST_RECOVERY_TIMEOUT=abc"));
  ExpectRefused("MESOS_STRICT=maybe", "", HasSubstr("MESOS_STRICT=maybe"));
}

TEST_F(FlagsTest, NamesTheLineOfAnEnvFileThatIsWrong) {
  const std::string file = WriteEnvFile("# ours\n\nMESOS_RECOVER='restart'\n");

  ExpectRefused("", "--env_file=" + file,
                AllOf(HasSubstr(file + ":3 MESOS_RECOVER=restart"),
                      HasSubstr("allowed: reconnect, cleanup")));
}

TEST_F(FlagsTest, GoesByTheStrongestWhoSaysSomething) {
  const std::string file =
      WriteEnvFile("MESOS_RECOVER=file-mesos\nHOLDFAST_RECOVER=file\n");
  const std::string mesos_file = directory_.path() + "/mesos.env";
  std::ofstream(mesos_file) << "MESOS_RECOVER=file-mesos\n";
  const std::string both = "HOLDFAST_RECOVER=ours MESOS_RECOVER=mesos";

  ExpectRefused(both, "--recover=flag --env_file=" + file,
                HasSubstr("--recover=flag"));
  ExpectRefused(both, "--env_file=" + file, HasSubstr("HOLDFAST_RECOVER=ours"));
  ExpectRefused("MESOS_RECOVER=mesos", "--env_file=" + file,
                HasSubstr("MESOS_RECOVER=mesos"));
  ExpectRefused("HOLDFAST_ENV_FILE=" + file, "",
                HasSubstr(file + ":2 HOLDFAST_RECOVER=file"));
  ExpectRefused("", "--env_file " + mesos_file,
                HasSubstr("1 MESOS_RECOVER=file-mesos"));
}

TEST_F(FlagsTest, RefusesOwnVariablesOfAnEnvFileThatNoFlagHas) {
  const std::string file = WriteEnvFile("HOLDFAST_STRIKT=false\n");

  ExpectRefused("", "--env_file=" + file,
                HasSubstr(file + ":1: HOLDFAST_STRIKT"));
}

TEST_F(FlagsTest, NamesOtherVariablesOfMesosAndGoesOn) {
  const std::string file = WriteEnvFile(
      "MESOS_MASTER=zk://m:2181/mesos\nPATH=/bin\nMESOS_PORT=5051\n");
  // Past the flags it ends, since it cannot tell the boot.
  const Result result = Run("", "--boot_id_file=/nowhere --env_file=" + file);

  EXPECT_NE(result.exit_code, 64) << result.output;
  EXPECT_THAT(result.output, HasSubstr("ignored=MESOS_MASTER,MESOS_PORT"));
  EXPECT_THAT(result.output, HasSubstr("/nowhere"));
}

TEST_F(FlagsTest, RefusesAnEnvFileThatItCannotRead) {
  ExpectRefused("", "--env_file=/nowhere/env",
                AllOf(HasSubstr("--env_file"), HasSubstr("/nowhere/env")));
  const std::string file = WriteEnvFile("A=1\nB=\"x\n");
  ExpectRefused("", "--env_file=" + file, HasSubstr(file + ":2: the quote"));
}

TEST_F(FlagsTest, RefusesAFlagThatItDoesNotKnow) {
  for (const char* argument :
       {"--recover_timeout=1mins", "--nostrictly", "--flagfile=/dev/null"}) {
    const Result result = Run("", argument);
    EXPECT_EQ(result.exit_code, EX_USAGE) << argument;
    EXPECT_THAT(result.output, HasSubstr("there is no such flag"));
  }
}

TEST_F(FlagsTest, RefusesAFlagWithoutItsValue) {
  ExpectRefused("", "--recover", HasSubstr("--recover: its value is missing"));
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

// "--name" of each flag: what --help prints at the beginning of a line.
std::set<std::string> FlagsOf(const std::string& help) {
  std::set<std::string> flags;
  for (absl::string_view line : absl::StrSplit(help, '\n')) {
    line = absl::StripLeadingAsciiWhitespace(line);
    if (!absl::StartsWith(line, "--")) continue;
    flags.insert(std::string(line.substr(0, line.find(' '))));
  }
  return flags;
}

// The same of the manual: `.BR \-\-name " * (default)"` after a `.TP`.
std::set<std::string> FlagsOfManual(const std::string& page) {
  std::set<std::string> flags;
  bool heads = false;
  for (const absl::string_view line : absl::StrSplit(page, '\n')) {
    if (heads && absl::StartsWith(line, ".BR \\-\\-")) {
      const std::vector<std::string> words = absl::StrSplit(line, ' ');
      flags.insert(absl::StrReplaceAll(words[1], {{"\\-", "-"}}));
    }
    heads = line == ".TP";
  }
  return flags;
}

TEST_F(FlagsTest, TellsItsFlagsWithTheirDefaultsAndVariables) {
  const std::string help = Run("", "--help").output;

  EXPECT_GE(FlagsOf(help).size(), 23u);
  EXPECT_THAT(help, HasSubstr("[HOLDFAST_STRICT, MESOS_STRICT]"));
  EXPECT_THAT(help, HasSubstr("[HOLDFAST_ORPHANS]"));
  EXPECT_THAT(help, HasSubstr("default: 15mins"));
  EXPECT_THAT(help, HasSubstr("default: reconnect"));
  EXPECT_THAT(help, testing::Not(HasSubstr("--flagfile")));
}

TEST_F(FlagsTest, AreTheOnesOfTheManual) {
  const absl::StatusOr<std::string> page = ReadSmallFile(MAN_PAGE);

  ASSERT_TRUE(page.ok()) << page.status();
  EXPECT_EQ(FlagsOfManual(*page), FlagsOf(Run("", "--help").output));
}

}  // namespace
}  // namespace holdfast
