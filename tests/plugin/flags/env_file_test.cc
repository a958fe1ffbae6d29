#include "plugin/flags/env_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <utility>

namespace holdfast {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pair;

using Pairs = std::vector<std::pair<std::string, std::string>>;

Pairs Parse(absl::string_view text) {
  const absl::StatusOr<std::vector<EnvAssignment>> assignments =
      ParseEnvFile(text);
  EXPECT_TRUE(assignments.ok()) << assignments.status();
  Pairs pairs;
  if (!assignments.ok()) return pairs;
  for (const EnvAssignment& one : *assignments) {
    pairs.emplace_back(one.name, one.value);
  }
  return pairs;
}

TEST(EnvFile, ReadsAMesosAgentsFile) {
  const Pairs pairs = Parse(
      "MESOS_WORK_DIR=/var/lib/mesos/slave\n"
      "MESOS_RECOVERY_TIMEOUT=24hrs\n"
      "# what this host has\n"
      "MESOS_RESOURCES=[{\"name\":\"cpus\",\"type\":\"SCALAR\"}]\n"
      "; for later\n"
      "export MESOS_STRICT=false\n");

  // Plain parts keep their quotes: only a value that begins with one is quoted.
  EXPECT_THAT(pairs,
              ElementsAre(Pair("MESOS_WORK_DIR", "/var/lib/mesos/slave"),
                          Pair("MESOS_RECOVERY_TIMEOUT", "24hrs"),
                          Pair("MESOS_RESOURCES",
                               "[{\"name\":\"cpus\",\"type\":\"SCALAR\"}]"),
                          Pair("MESOS_STRICT", "false")));
}

TEST(EnvFile, CutsOffOuterBlanksOfPlainValues) {
  EXPECT_THAT(Parse("  A =  one two \t\r\nB="),
              ElementsAre(Pair("A", "one two"), Pair("B", "")));
}

TEST(EnvFile, KeepsWhatIsQuoted) {
  EXPECT_THAT(Parse("A=\" a # b \"\nB='\\ \" $x'\nC=\"\\\"\\\\\\`\\$\\n\""),
              ElementsAre(Pair("A", " a # b "), Pair("B", "\\ \" $x"),
                          Pair("C", "\"\\`$\\n")));
}

TEST(EnvFile, GoesOnOverLines) {
  EXPECT_THAT(
      Parse("A=one\\\ntwo\nB='x\ny'\nC=\"x\\\ny\""),
      ElementsAre(Pair("A", "onetwo"), Pair("B", "x\ny"), Pair("C", "xy")));
}

TEST(EnvFile, JoinsQuotedAndPlainParts) {
  EXPECT_THAT(Parse("A=\"a b\"'c'd e"), ElementsAre(Pair("A", "a bcd e")));
}

TEST(EnvFile, TakesABackslashOffAPlainValue) {
  EXPECT_THAT(Parse("A=a\\ \\\"b\\"), ElementsAre(Pair("A", "a \"b")));
}

TEST(EnvFile, KnowsCommentsOnlyWhereANameMayStand) {
  EXPECT_THAT(Parse("  # A=1\n;B=2\nC=3 # not one\n# goes on \\\nD=4"),
              ElementsAre(Pair("C", "3 # not one")));
}

TEST(EnvFile, SkipsLinesThatAssignNothing) {
  EXPECT_THAT(Parse("\n\nexport\nnothing here\n"), IsEmpty());
}

TEST(EnvFile, LeavesNamesThatOnlyBeginLikeExport) {
  EXPECT_THAT(Parse("exported=1\nexport  B=2"),
              ElementsAre(Pair("exported", "1"), Pair("B", "2")));
}

TEST(EnvFile, TellsTheLineOfEachName) {
  const auto assignments = ParseEnvFile("# one\nA='x\ny'\n\nB=1\\\n2\nC=3");

  ASSERT_TRUE(assignments.ok()) << assignments.status();
  ASSERT_EQ(assignments->size(), 3u);
  EXPECT_EQ((*assignments)[0].line, 2);
  EXPECT_EQ((*assignments)[1].line, 5);
  EXPECT_EQ((*assignments)[2].line, 7);
}

TEST(EnvFile, RefusesAQuoteThatIsNotClosed) {
  for (const char* text : {"A=1\nB=\"x\nC=2\n", "A=1\nB='x", "A=1\nB=\"x\\"}) {
    const absl::Status status = ParseEnvFile(text).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << text;
    EXPECT_THAT(std::string(status.message()), HasSubstr("2: "));
  }
}

}  // namespace
}  // namespace holdfast
