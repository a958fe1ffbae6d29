#include "cgroups/container_reader.h"

#include <gmock/gmock.h>

#include "absl/strings/match.h"
#include "absl/time/clock.h"
#include "base/files.h"
#include "tests/cgroups/container_fixture.h"

namespace holdfast {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

class ContainerReaderTest : public ContainerTest {
 protected:
  ContainerReader Reader() const { return *ContainerReader::Create(root_); }
  bool IsFrozen() const {
    for (const char* file : {"/cgroup.events", "/freezer.state"}) {
      const auto state = ReadSmallFile(TrackedGroup() + file);
      if (state.ok() && (absl::StrContains(*state, "frozen 1") ||
                         absl::StrContains(*state, "FROZEN"))) {
        return true;
      }
    }
    return false;
  }
};
INSTANTIATE_TEST_SUITE_P(Modes, ContainerReaderTest, kAllModes, ModeName);

TEST_P(ContainerReaderTest, SeesContainersAndTheirProcesses) {
  const ContainerGroups groups = CreateContainer();
  const TestProcess process(groups, SleepForever);

  EXPECT_THAT(Reader().Containers(), ElementsAre(id_));
  EXPECT_THAT(Reader().Processes(id_), ElementsAre(process.pid()));
}

TEST_P(ContainerReaderTest, SeesAnEmptyContainerToo) {
  CreateContainer();

  EXPECT_THAT(Reader().Containers(), ElementsAre(id_));
  EXPECT_THAT(Reader().Processes(id_), IsEmpty());
}

TEST_P(ContainerReaderTest, SeesNothingBelowARootThatIsNotThere) {
  const auto nowhere = ContainerReader::Create("no such root");

  ASSERT_TRUE(nowhere.ok()) << nowhere.status();
  EXPECT_THAT(nowhere->Containers(), IsEmpty());
  EXPECT_THAT(nowhere->Processes("any"), IsEmpty());
}

TEST_P(ContainerReaderTest, EverythingInAContainerCanBeFrozenAndKilled) {
  const ContainerGroups groups = CreateContainer();
  TestProcess process(groups, SleepForever);

  ASSERT_TRUE(cgroups_->Freeze(id_).ok());
  const absl::Time give_up = absl::Now() + absl::Seconds(10);
  while (!IsFrozen() && absl::Now() < give_up)
    absl::SleepFor(absl::Milliseconds(1));
  EXPECT_TRUE(IsFrozen());
  ASSERT_TRUE(cgroups_->KillAll(id_).ok());

  process.Wait();
  EXPECT_TRUE(absl::IsNotFound(cgroups_->Freeze("another")));
  EXPECT_TRUE(absl::IsNotFound(cgroups_->KillAll("another")));
}

}  // namespace
}  // namespace holdfast
