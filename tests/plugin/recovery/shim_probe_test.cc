#include "plugin/recovery/shim_probe.h"

#include "tests/plugin/recovery/checkpoint_fixture.h"
#include "tests/plugin/recovery/listening_shim.h"

namespace holdfast {
namespace {

class ShimProbe : public CheckpointTest {
 protected:
  ShimState Probe(absl::Duration patience = absl::Seconds(20)) {
    return ProbeShim(SystemFiles(), Socket(), layout_.Journal("c-1", true),
                     patience);
  }
  std::string Socket() const { return directory_ / "shim.sock"; }
};

TEST_F(ShimProbe, FindsOneThatAnswers) {
  const ExecutorJournal journal = MakeExecutor("c-1");
  const ListeningShim shim(Socket(), /*awake=*/true);

  EXPECT_EQ(Probe(), ShimState::kAnswers);
  EXPECT_EQ(Probe(), ShimState::kAnswers) << "it was not disturbed";
}

TEST_F(ShimProbe, FindsOneThatListensAndSaysNothing) {
  const ExecutorJournal journal = MakeExecutor("c-1");
  const ListeningShim shim(Socket(), /*awake=*/false);

  EXPECT_EQ(Probe(absl::Milliseconds(50)), ShimState::kSilent);
}

TEST_F(ShimProbe, FindsOneThatHoldsItsJournalAndDoesNotListen) {
  const ExecutorJournal journal = MakeExecutor("c-1");

  EXPECT_EQ(Probe(), ShimState::kSilent);
}

TEST_F(ShimProbe, FindsThatThereIsNoneAndGivesTheLockBack) {
  MakeExecutor("c-1");

  EXPECT_EQ(Probe(), ShimState::kDead);

  EXPECT_TRUE(
      ExecutorJournal::TakeOver(SystemFiles(), layout_.Journal("c-1", true))
          .ok());
}

TEST_F(ShimProbe, TakesAJournalThatIsNotThereForNobodys) {
  EXPECT_EQ(Probe(), ShimState::kDead);
}

}  // namespace
}  // namespace holdfast
