#include "shim/containerd/spec.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "shim/containerd/scratch_file.h"
#include "tests/fakes/temporary_directory.h"

namespace holdfast::containerd {
namespace {

using testing::HasSubstr;
using testing::Pair;
using testing::UnorderedElementsAre;

constexpr char kSpec[] = R"({
  "ociVersion": "1.0.2",
  "process": {"args": ["sh"], "terminal": false},
  "annotations": {"a": "1", "dev.holdfast.recovery_timeout": "15mins"},
  "linux": {
    "cgroupsPath": "/default/c1",
    "namespaces": [{"type": "pid"}, {"type": "network", "path": "/n"}]
  }
})";

std::string Message(const absl::Status& status) {
  return std::string(status.message());
}

TEST(Spec, IsWhatTheFileSays) {
  const auto spec = ParseSpec(kSpec);

  ASSERT_TRUE(spec.ok()) << spec.status();
  EXPECT_THAT(
      spec->annotations,
      UnorderedElementsAre(Pair("a", "1"),
                           Pair("dev.holdfast.recovery_timeout", "15mins")));
  EXPECT_EQ(spec->cgroups_path, "/default/c1");
  EXPECT_TRUE(spec->has_own_pid_namespace);
}

TEST(Spec, MayHaveNothingOfIt) {
  const auto spec = ParseSpec("{}");

  ASSERT_TRUE(spec.ok()) << spec.status();
  EXPECT_TRUE(spec->annotations.empty());
  EXPECT_FALSE(spec->has_own_pid_namespace);
}

TEST(Spec, TellsAPidNamespaceThatIsSomebodyElses) {
  EXPECT_FALSE(
      ParseSpec(R"({"linux":{"namespaces":[{"type":"pid","path":"/p"}]}})")
          ->has_own_pid_namespace);
  EXPECT_FALSE(ParseSpec(R"({"linux":{"namespaces":[{"type":"mount"}]}})")
                   ->has_own_pid_namespace);
}

TEST(Spec, RefusesEveryTruncationOfAFile) {
  const std::string whole = kSpec;
  for (size_t size = 0; size < whole.size(); ++size) {
    const auto spec = ParseSpec(whole.substr(0, size));
    EXPECT_EQ(spec.status().code(), absl::StatusCode::kInvalidArgument)
        << "cut at " << size;
  }
}

TEST(Spec, NamesWhatIsOfTheWrongType) {
  EXPECT_THAT(Message(ParseSpec("[]").status()), HasSubstr("not an object"));
  EXPECT_THAT(Message(ParseSpec(R"({"annotations":{"x":1}})").status()),
              HasSubstr("annotation x: not a string"));
  EXPECT_THAT(Message(ParseSpec(R"({"linux":{"cgroupsPath":1}})").status()),
              HasSubstr("linux.cgroupsPath"));
  EXPECT_THAT(Message(ParseSpec(R"({"linux":{"namespaces":{}}})").status()),
              HasSubstr("linux.namespaces"));
}

TEST(Spec, IsNotOverrunByDepth) {
  EXPECT_FALSE(ParseSpec(std::string(1000000, '[')).ok());
}

TEST(Spec, NamesTheFile) {
  TemporaryDirectory directory;
  const std::string path = directory / "config.json";
  EXPECT_TRUE(absl::IsNotFound(ReadSpec(path).status()));

  ASSERT_TRUE(WriteScratchFile(path, "{]").ok());

  const absl::Status status = ReadSpec(path).status();
  EXPECT_THAT(Message(status), HasSubstr(path));
  EXPECT_THAT(Message(status), HasSubstr("byte 1"));
}

TEST(ExecSpec, HasATerminalWhereTheRequestSaysSo) {
  const auto said = ExecSpec(R"({"args":["sh"]})", true);
  const auto unsaid = ExecSpec(R"({"terminal":true,"args":["sh"]})", false);

  ASSERT_TRUE(said.ok() && unsaid.ok());
  EXPECT_EQ(*said, R"({"args":["sh"],"terminal":true})");
  EXPECT_THAT(*unsaid, AllOf(HasSubstr(R"("args":["sh"])"),
                             HasSubstr(R"("terminal":false)")));
}

TEST(ExecSpec, KeepsWhatItDoesNotKnow) {
  constexpr char kLimit[] = R"({"rlimits":[{"hard":18446744073709551615}])";

  const auto spec = ExecSpec(absl::StrCat(kLimit, "}"), false);

  ASSERT_TRUE(spec.ok()) << spec.status();
  EXPECT_EQ(*spec, absl::StrCat(kLimit, R"(,"terminal":false})"));
}

TEST(ExecSpec, IsAnObject) {
  EXPECT_THAT(Message(ExecSpec("no json", true).status()),
              HasSubstr("not JSON"));
  EXPECT_THAT(Message(ExecSpec("[]", true).status()), HasSubstr("an object"));
}

TEST(Spec, KnowsAPathOfSystemds) {
  for (const char* path : {"system.slice:docker:c1", ":cri-containerd:c1",
                           "kubepods-pod1.slice:cri-containerd:c1"}) {
    EXPECT_TRUE(IsSystemdsPath(path)) << path;
  }
  for (const char* path : {"", "/a/b", "/a:b:c", "a:b:c", "x.slice:c1",
                           "x.slice:a:", "x.slice:a:b:c"}) {
    EXPECT_FALSE(IsSystemdsPath(path)) << path;
  }
}

}  // namespace
}  // namespace holdfast::containerd
