#include "shim/containerd/invocation.h"

#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace holdfast::containerd {
namespace {

using testing::HasSubstr;

absl::StatusOr<Invocation> Parse(std::vector<std::string> words) {
  words.insert(words.begin(), "containerd-shim-holdfast-v2");
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  return ParseInvocation(static_cast<int>(argv.size()), argv.data());
}

TEST(Invocation, IsWhatContainerdSays) {
  const auto invocation =
      Parse({"-namespace", "k8s.io", "-address", "/run/containerd.sock",
             "-publish-binary", "/usr/bin/containerd", "-id", "c-1", "-bundle",
             "/b", "-debug", "delete"});

  ASSERT_TRUE(invocation.ok()) << invocation.status();
  EXPECT_EQ(invocation->action, Action::kDelete);
  EXPECT_EQ(invocation->name_space, "k8s.io");
  EXPECT_EQ(invocation->address, "/run/containerd.sock");
  EXPECT_EQ(invocation->id, "c-1");
  EXPECT_EQ(invocation->bundle, "/b");
}

TEST(Invocation, TakesBothFormsOfGosFlags) {
  const auto invocation = Parse({"--namespace=ns", "-id=c", "start"});

  ASSERT_TRUE(invocation.ok()) << invocation.status();
  EXPECT_EQ(invocation->action, Action::kStart);
  EXPECT_EQ(invocation->name_space, "ns");
  EXPECT_EQ(invocation->id, "c");
}

TEST(Invocation, PassesOverFlagsThatItDoesNotKnow) {
  const auto invocation = Parse({"-new-in-3=x", "-namespace", "ns", "-id", "c",
                                 "-loud", "-newer", "value", "start"});

  ASSERT_TRUE(invocation.ok()) << invocation.status();
  EXPECT_EQ(invocation->action, Action::kStart);
}

TEST(Invocation, OfVersionAndInfoNeedsNoTask) {
  EXPECT_EQ(Parse({"-v"})->action, Action::kVersion);
  EXPECT_EQ(Parse({"-info"})->action, Action::kInfo);
}

TEST(Invocation, NamesWhatIsWrong) {
  EXPECT_THAT(
      std::string(
          Parse({"-namespace", "n", "-id", "c", "stop"}).status().message()),
      HasSubstr("\"stop\""));
  EXPECT_THAT(std::string(Parse({"start", "-id"}).status().message()),
              HasSubstr("-id: needs a value"));
  EXPECT_THAT(
      std::string(Parse({"-namespace", "n", "start"}).status().message()),
      HasSubstr("-id \"\""));
}

TEST(Invocation, RefusesNamesThatArePaths) {
  for (const char* id : {"a/b", "..", "/", "", ".x", "a b"}) {
    EXPECT_FALSE(Parse({"-namespace", "n", "-id", id, "start"}).ok()) << id;
    EXPECT_FALSE(Parse({"-namespace", id, "-id", "n", "start"}).ok()) << id;
  }
  EXPECT_FALSE(
      Parse({"-namespace", "n", "-id", std::string(77, 'a'), "start"}).ok());
}

}  // namespace
}  // namespace holdfast::containerd
