#include <gmock/gmock.h>
#include <grp.h>
#include <gtest/gtest.h>
#include <pwd.h>

#include "plugin/launch/intent_builder.h"
#include "tests/plugin/launch/launch_requests.h"

// What an executor finds in its environment, whom it runs as, and where its
// program is looked for.

namespace holdfast {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::Not;
using ::testing::StartsWith;
using ::testing::UnorderedElementsAre;

v1::LaunchSpec Build(const LaunchRequest& request) {
  absl::StatusOr<v1::Intent> intent = BuildIntent(request, kLayout);
  EXPECT_TRUE(intent.ok()) << intent.status();
  return intent.value_or(v1::Intent()).launch();
}

LaunchRequest LaunchAs(const std::string& user) {
  LaunchRequest request = LaunchOf("/bin/true");
  request.task.mutable_command()->set_user(user);
  return request;
}

TEST(IntentEnvironment, IsWhatWasAskedForWithPathAndIds) {
  LaunchRequest request = LaunchOf("/bin/true");
  SetVariable(request, "A", "x=y z");

  EXPECT_THAT(
      Build(request).environment(),
      UnorderedElementsAre(
          "A=x=y z",
          "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
          "HOLDFAST_AGENT_ID=a-1", "HOLDFAST_FRAMEWORK_ID=f-1",
          "HOLDFAST_EXECUTOR_ID=t-7", "HOLDFAST_CONTAINER_ID=c-7",
          "HOLDFAST_SANDBOX=/w/executors/c-7/sandbox", "HOLDFAST_TASK_ID=t-7"));
}

TEST(IntentEnvironment, TellsACustomExecutorWhereItsShimIs) {
  const v1::LaunchSpec spec = Build(LaunchOfExecutor());

  EXPECT_THAT(
      spec.environment(),
      AllOf(Contains("HOLDFAST_EXECUTOR_ENDPOINT=unix:/r/shims/c-7/exec.sock"),
            Contains("HOLDFAST_RECOVERY_TIMEOUT=900"),
            Contains("HOLDFAST_EXECUTOR_ID=e-7"),
            Each(Not(StartsWith("HOLDFAST_TASK_ID")))));
}

TEST(IntentEnvironment, KeepsThePathThatWasGiven) {
  LaunchRequest request = LaunchOf("run");
  SetVariable(request, "PATH", "/opt/bin::rel");

  const v1::LaunchSpec spec = Build(request);

  EXPECT_THAT(spec.environment(), Contains("PATH=/opt/bin::rel"));
  EXPECT_THAT(spec.search_path(),
              ElementsAre("/opt/bin/run", "./run", "rel/run"));
}

TEST(IntentEnvironment, LooksForAProgramInTheDefaultPath) {
  EXPECT_THAT(Build(LaunchOf("true")).search_path(),
              ElementsAre("/usr/local/sbin/true", "/usr/local/bin/true",
                          "/usr/sbin/true", "/usr/bin/true", "/sbin/true",
                          "/bin/true"));
}

TEST(IntentEnvironment, LooksForAProgramWithASlashNowhereElse) {
  EXPECT_THAT(Build(LaunchOf("./run")).search_path(), ElementsAre("./run"));
}

TEST(IntentEnvironment, ChangesNoUserWhereNoneIsAskedFor) {
  const v1::LaunchSpec spec = Build(LaunchOf("/bin/true"));

  EXPECT_FALSE(spec.change_user());
  EXPECT_THAT(spec.environment(), Each(Not(StartsWith("HOME="))));
}

TEST(IntentEnvironment, ResolvesAUserWithGroupsAndHome) {
  const passwd* const nobody = getpwnam("nobody");
  if (nobody == nullptr) GTEST_SKIP() << "there is no user nobody";

  const v1::LaunchSpec spec = Build(LaunchAs("nobody"));

  EXPECT_TRUE(spec.change_user());
  EXPECT_EQ(spec.uid(), nobody->pw_uid);
  EXPECT_EQ(spec.gid(), nobody->pw_gid);
  EXPECT_THAT(spec.groups(), Contains(nobody->pw_gid));
  EXPECT_THAT(spec.environment(),
              Contains(std::string("HOME=") + nobody->pw_dir));
}

TEST(IntentEnvironment, KeepsTheHomeThatWasGiven) {
  LaunchRequest request = LaunchAs("root");
  SetVariable(request, "HOME", "/elsewhere");

  const v1::LaunchSpec spec = Build(request);

  EXPECT_THAT(spec.environment(), Contains("HOME=/elsewhere"));
  EXPECT_THAT(spec.environment(), Not(Contains("HOME=/root")));
}

TEST(IntentEnvironment, RunsAsANumberThatNobodyKnowsWithoutAHome) {
  const v1::LaunchSpec spec = Build(LaunchAs("54321"));

  EXPECT_TRUE(spec.change_user());
  EXPECT_EQ(spec.uid(), 54321u);
  EXPECT_EQ(spec.gid(), 54321u);
  EXPECT_THAT(spec.groups(), ElementsAre(54321u));
  EXPECT_THAT(spec.environment(), Each(Not(StartsWith("HOME="))));
}

TEST(IntentEnvironment, RefusesAUserThatThereIsNot) {
  const absl::Status status =
      BuildIntent(LaunchAs("nobody-of-that-name"), kLayout).status();

  EXPECT_TRUE(absl::IsNotFound(status)) << status;
  EXPECT_EQ(status.message(), "user nobody-of-that-name: no such user");
}

}  // namespace
}  // namespace holdfast
