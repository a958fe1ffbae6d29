#include "plugin/updates/update_hub.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/fakes/fake_clock.h"
#include "tests/plugin/updates/recorded_watch.h"

namespace holdfast {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(UpdateHub, BeginsEveryStreamWithItsHeader) {
  HubWithWatches test("life-1");

  const auto watch = test.Watch("f-1");

  ASSERT_THAT(watch->responses, testing::SizeIs(1));
  EXPECT_EQ(watch->header().agent_incarnation(), "life-1");
  EXPECT_FALSE(watch->header().resumed());
}

TEST(UpdateHub, SendsWhatThereIsAndThenWhatIsNewInOrder) {
  HubWithWatches test;
  test.hub.RecoveryComplete();
  test.hub.Add(UpdateOf("f-1", "u-1"), /*acknowledged=*/false);
  test.hub.Add(UpdateOf("f-1", "u-2"), /*acknowledged=*/false);

  const auto watch = test.Watch("f-1");
  test.hub.Add(UpdateOf("f-1", "u-3"), /*acknowledged=*/false);

  EXPECT_THAT(watch->Uuids(), ElementsAre("u-1", "u-2", "u-3"));
  EXPECT_TRUE(watch->responses.at(3).snapshot_complete())
      << "between what was there and what is new";
}

TEST(UpdateHub, SendsEachUpdateOnce) {
  HubWithWatches test;
  const auto watch = test.Watch("f-1");

  test.hub.Add(UpdateOf("f-1", "u-1"), /*acknowledged=*/false);
  test.hub.Add(UpdateOf("f-1", "u-1"), /*acknowledged=*/false);

  EXPECT_THAT(watch->Uuids(), ElementsAre("u-1"));
}

TEST(UpdateHub, KeepsFrameworksApart) {
  HubWithWatches test;
  const auto first = test.Watch("f-1");
  const auto second = test.Watch("f-2");

  test.hub.Add(UpdateOf("f-2", "u-1"), /*acknowledged=*/false);

  EXPECT_THAT(first->Uuids(), IsEmpty());
  EXPECT_THAT(second->Uuids(), ElementsAre("u-1"));
}

TEST(UpdateHub, TellsAllFrameworksToOneThatNamesNone) {
  HubWithWatches test;
  test.hub.Add(UpdateOf("f-2", "u-1"), /*acknowledged=*/false);
  test.hub.Add(UpdateOf("f-1", "u-2"), /*acknowledged=*/false);

  const auto all = test.Watch("");
  test.hub.Add(UpdateOf("f-3", "u-3"), /*acknowledged=*/false);

  EXPECT_THAT(all->Uuids(), ElementsAre("u-1", "u-2", "u-3"));
}

TEST(UpdateHub, LeavesOutWhatWasAcknowledged) {
  HubWithWatches test;
  test.hub.Add(UpdateOf("f-1", "u-1"), /*acknowledged=*/true);
  test.hub.Add(UpdateOf("f-1", "u-2"), /*acknowledged=*/false);
  test.hub.Add(UpdateOf("f-1", "u-3"), /*acknowledged=*/false);
  test.hub.Acknowledged(UpdateOf("f-1", "u-2"));

  const auto watch = test.Watch("f-1");
  test.hub.Add(UpdateOf("f-1", "u-4"), /*acknowledged=*/true);

  EXPECT_THAT(watch->Uuids(), ElementsAre("u-3"));
}

TEST(UpdateHub, IncludesWhatWasAcknowledgedWhereItIsAskedFor) {
  HubWithWatches test;
  test.hub.Add(UpdateOf("f-1", "u-1"), /*acknowledged=*/true);
  v1::WatchUpdatesRequest request = WatchOf("f-1");
  request.set_include_acknowledged(true);

  const auto watch = test.Watch(request);
  test.hub.Add(UpdateOf("f-1", "u-2"), /*acknowledged=*/true);

  EXPECT_THAT(watch->Uuids(), ElementsAre("u-1", "u-2"));
}

TEST(UpdateHub, HidesWhatASnapshotIsUntilRecoveryIsComplete) {
  HubWithWatches test;
  const auto watch = test.Watch("f-1");
  test.hub.Add(UpdateOf("f-1", "u-1"), /*acknowledged=*/false);
  EXPECT_FALSE(watch->IsComplete());

  test.hub.RecoveryComplete();

  EXPECT_TRUE(watch->IsComplete());
  EXPECT_THAT(watch->Uuids(), ElementsAre("u-1"));
}

TEST(UpdateHub, EndsASnapshotThatIsAllThatWasAskedFor) {
  HubWithWatches test;
  test.hub.RecoveryComplete();
  test.hub.Add(UpdateOf("f-1", "u-1"), /*acknowledged=*/false);
  v1::WatchUpdatesRequest request = WatchOf("f-1");
  request.set_snapshot_only(true);

  const auto watch = test.Watch(request);
  test.hub.Add(UpdateOf("f-1", "u-2"), /*acknowledged=*/false);

  EXPECT_THAT(watch->Uuids(), ElementsAre("u-1"));
  EXPECT_TRUE(watch->responses.back().snapshot_complete());
  EXPECT_EQ(watch->end, absl::OkStatus());
}

TEST(UpdateHub, EndsASnapshotDuringRecoveryWhenThatIsComplete) {
  HubWithWatches test;
  v1::WatchUpdatesRequest request = WatchOf("f-1");
  request.set_snapshot_only(true);
  const auto watch = test.Watch(request);
  test.hub.Add(UpdateOf("f-1", "u-1"), /*acknowledged=*/false);
  EXPECT_FALSE(watch->end.has_value());

  test.hub.RecoveryComplete();

  EXPECT_THAT(watch->Uuids(), ElementsAre("u-1"));
  EXPECT_EQ(watch->end, absl::OkStatus());
}

TEST(UpdateHub, EndsTheOlderStreamOfAFrameworkWithAborted) {
  HubWithWatches test;
  const auto older = test.Watch("f-1");
  const auto others = test.Watch("f-2");

  const auto newer = test.Watch("f-1");
  test.hub.Add(UpdateOf("f-1", "u-1"), /*acknowledged=*/false);

  ASSERT_TRUE(older->end.has_value());
  EXPECT_TRUE(absl::IsAborted(*older->end)) << *older->end;
  EXPECT_THAT(older->Uuids(), IsEmpty());
  EXPECT_THAT(newer->Uuids(), ElementsAre("u-1"));
  EXPECT_FALSE(others->end.has_value());
}

TEST(UpdateHub, LetsASnapshotAndAWatchOfAllEndNobodysStream) {
  HubWithWatches test;
  const auto watch = test.Watch("f-1");
  v1::WatchUpdatesRequest snapshot = WatchOf("f-1");
  snapshot.set_snapshot_only(true);

  test.Watch(snapshot);
  test.Watch("");
  test.Watch("");

  EXPECT_FALSE(watch->end.has_value());
}

TEST(UpdateHub, TellsWhetherSomeoneFollowsAFramework) {
  HubWithWatches test;
  v1::WatchUpdatesRequest snapshot = WatchOf("f-1");
  snapshot.set_snapshot_only(true);
  test.Watch(snapshot);
  test.Watch("");
  EXPECT_FALSE(test.hub.IsWatched("f-1"));

  test.Watch("f-1");
  EXPECT_TRUE(test.hub.IsWatched("f-1"));
  test.hub.Unwatch(test.last_watch);

  EXPECT_FALSE(test.hub.IsWatched("f-1"));
}

TEST(UpdateHub, ForgetsAFrameworkAndEndsItsStreams) {
  HubWithWatches test;
  test.hub.RecoveryComplete();
  test.hub.Add(UpdateOf("f-1", "u-1"), /*acknowledged=*/false);
  test.hub.Add(UpdateOf("f-2", "u-2"), /*acknowledged=*/false);
  const auto watch = test.Watch("f-1");
  const auto all = test.Watch("");

  test.hub.ForgetFramework("f-1", absl::AbortedError("torn down"));
  test.hub.Add(UpdateOf("f-1", "u-1"), /*acknowledged=*/false);

  EXPECT_EQ(watch->end, absl::AbortedError("torn down"));
  EXPECT_FALSE(all->end.has_value());
  EXPECT_THAT(test.Watch("f-1")->Uuids(), ElementsAre("u-1")) << "it is new";
  EXPECT_THAT(test.Watch("f-2")->Uuids(), ElementsAre("u-2"));
}

TEST(UpdateHub, SendsNothingToOneThatIsGone) {
  HubWithWatches test;
  const auto watch = test.Watch("f-1");

  test.hub.Unwatch(test.last_watch);
  test.hub.Add(UpdateOf("f-1", "u-1"), /*acknowledged=*/false);
  test.hub.RecoveryComplete();

  EXPECT_THAT(watch->responses, testing::SizeIs(1));
}

TEST(UpdateHub, KnowsWhenAnUpdateFirstWentToItsFramework) {
  FakeClock clock;
  UpdateHub hub(
      "life-1", [] { return v1::WatchUpdatesResponse::Header(); }, clock);
  const v1::StatusUpdate update = UpdateOf("f-1", "u-1");
  hub.Add(update, /*acknowledged=*/false);
  hub.Watch(WatchOf(""), std::make_shared<RecordedWatch>());
  EXPECT_EQ(hub.DeliveredAt(update), absl::InfinitePast())
      << "one who looks at all is not the framework";

  clock.Advance(absl::Seconds(1));
  const absl::Time first = clock.Now();
  hub.Watch(WatchOf("f-1"), std::make_shared<RecordedWatch>());
  clock.Advance(absl::Seconds(1));
  hub.Watch(WatchOf("f-1"), std::make_shared<RecordedWatch>());

  EXPECT_EQ(hub.DeliveredAt(update), first);
  EXPECT_EQ(hub.DeliveredAt(UpdateOf("f-1", "u-2")), absl::InfinitePast());
}

}  // namespace
}  // namespace holdfast
