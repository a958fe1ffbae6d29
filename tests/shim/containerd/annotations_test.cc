#include "shim/containerd/annotations.h"

#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace holdfast::containerd {
namespace {

using testing::HasSubstr;

TEST(Annotations, LeaveContainersAliveByDefault) {
  const auto parsed = ParseAnnotations({{"somebody.else/x", "y"}});

  ASSERT_TRUE(parsed.ok()) << parsed.status();
  EXPECT_EQ(parsed->recovery_timeout, absl::InfiniteDuration());
  EXPECT_EQ(parsed->spool.max_bytes, 64u * 1024 * 1024);
  EXPECT_EQ(parsed->spool.when_full, WhenFull::kSpool);
}

TEST(Annotations, SetTheFenceAndTheSpool) {
  const auto parsed =
      ParseAnnotations({{"dev.holdfast.recovery_timeout", "15mins"},
                        {"dev.holdfast.output.spool_bytes", "1MiB"},
                        {"dev.holdfast.output.policy", "drop-oldest"}});

  ASSERT_TRUE(parsed.ok()) << parsed.status();
  EXPECT_EQ(parsed->recovery_timeout, absl::Minutes(15));
  EXPECT_EQ(parsed->spool.max_bytes, 1024u * 1024);
  EXPECT_EQ(parsed->spool.when_full, WhenFull::kDropOldest);
}

TEST(Annotations, OfOutputAreKnownByTheirShorterNames) {
  const auto parsed =
      ParseAnnotations({{"holdfast.output.spool_bytes", "2MiB"},
                        {"holdfast.output.policy", "block"},
                        {"holdfast.example.com/x", "somebody's own"}});

  ASSERT_TRUE(parsed.ok()) << parsed.status();
  EXPECT_EQ(parsed->spool.max_bytes, 2u * 1024 * 1024);
  EXPECT_EQ(parsed->spool.when_full, WhenFull::kBlock);
  EXPECT_FALSE(ParseAnnotations({{"holdfast.output.policy", "drop"}}).ok());
}

TEST(Annotations, WithoutACheckpointEndWithTheDaemon) {
  const auto parsed =
      ParseAnnotations({{"dev.holdfast.checkpoint", "false"},
                        {"dev.holdfast.recovery_timeout", "15mins"}});

  ASSERT_TRUE(parsed.ok()) << parsed.status();
  EXPECT_EQ(parsed->recovery_timeout, absl::ZeroDuration());
}

TEST(Annotations, NameWhatIsWrongAndWhatIsAllowed) {
  const std::map<std::string, std::string> wrong = {
      {"dev.holdfast.checkpoint", "yes"},
      {"dev.holdfast.recovery_timeout", "soon"},
      {"dev.holdfast.output.spool_bytes", "-1"},
      {"dev.holdfast.output.policy", "drop"},
      {"dev.holdfast.recovery-timeout", "1s"},
  };
  for (const auto& [name, value] : wrong) {
    const absl::Status status = ParseAnnotations({{name, value}}).status();
    EXPECT_TRUE(absl::IsInvalidArgument(status)) << name;
    EXPECT_THAT(std::string(status.message()), HasSubstr(name));
  }
  EXPECT_THAT(
      std::string(ParseAnnotations({{"dev.holdfast.output.policy", "drop"}})
                      .status()
                      .message()),
      HasSubstr("spool, drop-oldest or block"));
}

TEST(Annotations, OfAPodNameItsShim) {
  EXPECT_EQ(GroupOf({}), "");
  EXPECT_EQ(GroupOf({{"io.kubernetes.cri.sandbox-id", "pod"}}), "pod");
  EXPECT_EQ(GroupOf({{"io.kubernetes.cri.sandbox-id", "pod"},
                     {"io.containerd.runc.v2.group", "group"}}),
            "group");
}

}  // namespace
}  // namespace holdfast::containerd
