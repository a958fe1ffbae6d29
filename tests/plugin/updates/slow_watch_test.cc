#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "absl/strings/str_cat.h"
#include "api/reasons.h"
#include "plugin/updates/update_hub.h"
#include "tests/plugin/updates/recorded_watch.h"

// A stream whose client does not read.

namespace holdfast {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

TEST(SlowWatch, IsSentNoMoreThanItHasRoomFor) {
  HubWithWatches test;
  test.hub.RecoveryComplete();
  const auto watch = test.SlowWatch(WatchOf("f-1"), /*room=*/3);

  for (int i = 1; i <= 1000; ++i) {
    test.hub.Add(UpdateOf("f-1", absl::StrCat("u-", i)), false);
  }

  EXPECT_THAT(watch->responses, SizeIs(3)) << "header, snapshot, and one more";
  EXPECT_THAT(watch->Uuids(), ElementsAre("u-1"));
}

TEST(SlowWatch, GoesOnInOrderWhenItHasRoomAgain) {
  HubWithWatches test;
  for (int i = 1; i <= 4; ++i) {
    test.hub.Add(UpdateOf("f-1", absl::StrCat("u-", i)), false);
  }
  test.hub.RecoveryComplete();
  const auto watch = test.SlowWatch(WatchOf("f-1"), /*room=*/2);
  test.hub.Add(UpdateOf("f-1", "u-5"), false);
  ASSERT_THAT(watch->Uuids(), ElementsAre("u-1"));

  test.GiveRoom(*watch, test.last_watch, 2);
  EXPECT_THAT(watch->Uuids(), ElementsAre("u-1", "u-2", "u-3"));
  EXPECT_FALSE(watch->IsComplete()) << "u-4 belongs to the snapshot";
  test.GiveRoom(*watch, test.last_watch, 100);

  EXPECT_THAT(watch->Uuids(), ElementsAre("u-1", "u-2", "u-3", "u-4", "u-5"));
  EXPECT_TRUE(watch->responses.at(5).snapshot_complete());
}

TEST(SlowWatch, EndsASnapshotOnceAllOfItWasTaken) {
  HubWithWatches test;
  test.hub.RecoveryComplete();
  test.hub.Add(UpdateOf("f-1", "u-1"), false);
  v1::WatchUpdatesRequest request = WatchOf("f-1");
  request.set_snapshot_only(true);
  const auto watch = test.SlowWatch(request, /*room=*/1);
  test.hub.Add(UpdateOf("f-1", "too late"), false);
  EXPECT_FALSE(watch->end.has_value());

  test.GiveRoom(*watch, test.last_watch, 100);

  EXPECT_THAT(watch->Uuids(), ElementsAre("u-1"));
  EXPECT_EQ(watch->end, absl::OkStatus());
}

TEST(SlowWatch, HearsOfWhatWasAcknowledgedBeforeItsTurn) {
  HubWithWatches test;
  test.hub.RecoveryComplete();
  const auto watch = test.SlowWatch(WatchOf(""), /*room=*/2);
  test.hub.Add(UpdateOf("f-1", "u-1"), /*acknowledged=*/false);
  test.hub.Acknowledged(UpdateOf("f-1", "u-1"));

  test.GiveRoom(*watch, test.last_watch, 100);

  EXPECT_THAT(watch->Uuids(), ElementsAre("u-1"));
}

TEST(SlowWatch, HearsOfATaskThatWasRemovedBeforeItsTurn) {
  HubWithWatches test;
  test.hub.RecoveryComplete();
  const auto watch = test.SlowWatch(WatchOf("f-1"), /*room=*/2);
  const uint64_t slow = test.last_watch;
  test.hub.Add(UpdateOf("f-1", "u-1", "c-1"), /*acknowledged=*/false);
  test.hub.Acknowledged(UpdateOf("f-1", "u-1", "c-1"));
  test.hub.Forget("f-1", "c-1");
  test.hub.Forget("f-1", "c-1");
  EXPECT_THAT(test.Watch("")->Uuids(), IsEmpty()) << "a newer one does not";

  test.GiveRoom(*watch, slow, 100);

  EXPECT_THAT(watch->Uuids(), ElementsAre("u-1"));
}

TEST(SlowWatch, IsNotSentAgainWhatWasForgottenAfterItsTurn) {
  HubWithWatches test;
  test.hub.RecoveryComplete();
  const auto watch = test.Watch("f-1");
  test.hub.Add(UpdateOf("f-1", "u-1", "c-1"), /*acknowledged=*/false);

  test.hub.Forget("f-1", "c-1");
  test.hub.Add(UpdateOf("f-1", "u-2", "c-2"), /*acknowledged=*/false);

  EXPECT_THAT(watch->Uuids(), ElementsAre("u-1", "u-2"));
}

TEST(SlowWatch, EndsWhenWhatItHasYetToSendMakesRoomForNewer) {
  HubWithWatches test;
  test.hub.RecoveryComplete();
  const auto watch = test.SlowWatch(WatchOf("f-1"), /*room=*/2);
  const auto others = test.SlowWatch(WatchOf("f-2"), /*room=*/2);
  test.hub.Add(UpdateOf("f-1", "waits"), /*acknowledged=*/false);

  for (size_t i = 0; i <= UpdateHub::kKeptAcknowledged; ++i) {
    const v1::StatusUpdate update = UpdateOf("f-1", absl::StrCat("u-", i));
    test.hub.Add(update, /*acknowledged=*/false);
    test.hub.Acknowledged(update);
  }
  EXPECT_FALSE(watch->end.has_value()) << "the oldest is unacknowledged";
  test.hub.Acknowledged(UpdateOf("f-1", "waits"));

  ASSERT_TRUE(watch->end.has_value());
  EXPECT_TRUE(absl::IsResourceExhausted(*watch->end)) << *watch->end;
  EXPECT_EQ(ReasonOf(*watch->end), "SLOW_CONSUMER");
  EXPECT_FALSE(test.hub.IsWatched("f-1"));
  EXPECT_FALSE(others->end.has_value()) << "it waits for nothing of these";
}

TEST(SlowWatch, FindsWhatIsUnacknowledgedWhenItsClientBeginsAnew) {
  HubWithWatches test;
  test.hub.RecoveryComplete();
  const auto slow = test.SlowWatch(WatchOf("f-1"), /*room=*/2);
  for (size_t i = 0; i <= UpdateHub::kKeptAcknowledged; ++i) {
    const v1::StatusUpdate update = UpdateOf("f-1", absl::StrCat("u-", i));
    test.hub.Add(update, /*acknowledged=*/false);
    if (i != 7) test.hub.Acknowledged(update);
  }
  ASSERT_TRUE(slow->end.has_value());

  v1::WatchUpdatesRequest request = WatchOf("f-1");
  request.set_cursor(slow->cursor());
  const auto again = test.Watch(request);

  EXPECT_FALSE(again->header().resumed());
  EXPECT_THAT(again->Uuids(), ElementsAre("u-7"));
}

}  // namespace
}  // namespace holdfast
