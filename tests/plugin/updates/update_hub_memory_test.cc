#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "absl/strings/str_cat.h"
#include "plugin/updates/update_hub.h"
#include "tests/plugin/updates/recorded_watch.h"

// What the hub still knows, and where a stream goes on.

namespace holdfast {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

v1::WatchUpdatesRequest WatchFrom(const std::string& cursor) {
  v1::WatchUpdatesRequest request = WatchOf("f-1");
  request.set_cursor(cursor);
  return request;
}

TEST(UpdateHubCursor, GoesOnAfterWhatWasHeard) {
  HubWithWatches test;
  const auto first = test.Watch("f-1");
  test.hub.Add(UpdateOf("f-1", "u-1"), /*acknowledged=*/false);
  const std::string cursor = first->cursor();
  test.hub.Add(UpdateOf("f-1", "u-2"), /*acknowledged=*/false);

  const auto second = test.Watch(WatchFrom(cursor));

  EXPECT_TRUE(second->header().resumed());
  EXPECT_THAT(second->Uuids(), ElementsAre("u-2"));
}

TEST(UpdateHubCursor, GoesOnWithWhatWasAcknowledgedMeanwhile) {
  HubWithWatches test;
  const auto first = test.Watch("f-1");
  test.hub.Add(UpdateOf("f-1", "u-1"), /*acknowledged=*/false);
  const std::string cursor = first->cursor();
  test.hub.Add(UpdateOf("f-1", "u-2"), /*acknowledged=*/true);

  const auto second = test.Watch(WatchFrom(cursor));

  EXPECT_THAT(second->Uuids(), ElementsAre("u-2"));
}

TEST(UpdateHubCursor, CountsTheEndOfASnapshotToo) {
  HubWithWatches test;
  test.hub.RecoveryComplete();
  test.hub.Add(UpdateOf("f-2", "of another"), /*acknowledged=*/false);
  const auto first = test.Watch("f-1");
  ASSERT_TRUE(first->responses.back().snapshot_complete());
  test.hub.Add(UpdateOf("f-1", "u-1"), /*acknowledged=*/false);

  const auto second = test.Watch(WatchFrom(first->responses.at(1).cursor()));

  EXPECT_TRUE(second->header().resumed());
  EXPECT_THAT(second->Uuids(), ElementsAre("u-1"));
}

TEST(UpdateHubCursor, BeginsAnewWithOneOfAnotherLife) {
  HubWithWatches before("life-1"), now("life-2");
  const auto first = before.Watch("f-1");
  before.hub.Add(UpdateOf("f-1", "u-1"), /*acknowledged=*/false);
  now.hub.Add(UpdateOf("f-1", "u-1"), /*acknowledged=*/false);

  const auto second = now.Watch(WatchFrom(first->cursor()));

  EXPECT_FALSE(second->header().resumed());
  EXPECT_THAT(second->Uuids(), ElementsAre("u-1"));
}

TEST(UpdateHubCursor, BeginsAnewWithOneThatIsNone) {
  HubWithWatches test;
  test.hub.Add(UpdateOf("f-1", "u-1"), /*acknowledged=*/false);

  for (const char* cursor : {"life-1/", "life-1/x", "life-1/99", "life-1",
                             "life-1/-1", "/1", "life-1/1/1"}) {
    const auto watch = test.Watch(WatchFrom(cursor));

    EXPECT_FALSE(watch->header().resumed()) << cursor;
    EXPECT_THAT(watch->Uuids(), ElementsAre("u-1")) << cursor;
  }
}

TEST(UpdateHubMemory, ForgetsAContainerThatWasRemoved) {
  HubWithWatches test;
  test.hub.Add(UpdateOf("f-1", "u-1", "c-1"), /*acknowledged=*/false);
  test.hub.Add(UpdateOf("f-1", "u-2", "c-2"), /*acknowledged=*/false);

  test.hub.Forget("f-1", "c-1");
  test.hub.Forget("f-unknown", "c-2");
  test.hub.Acknowledged(UpdateOf("f-1", "u-1"));

  EXPECT_THAT(test.Watch("f-1")->Uuids(), ElementsAre("u-2"));
}

TEST(UpdateHubMemory, TakesAForgottenUpdateForANewOne) {
  HubWithWatches test;
  test.hub.Add(UpdateOf("f-1", "u-1"), /*acknowledged=*/false);
  test.hub.Forget("f-1", "c-1");

  test.hub.Add(UpdateOf("f-1", "u-1"), /*acknowledged=*/false);

  EXPECT_THAT(test.Watch("f-1")->Uuids(), ElementsAre("u-1"));
}

// `count` updates "u-1" …, acknowledged but the first `unacknowledged`.
void AddMany(UpdateHub& hub, size_t count, size_t unacknowledged) {
  for (size_t i = 1; i <= count; ++i) {
    const v1::StatusUpdate update = UpdateOf("f-1", absl::StrCat("u-", i));
    hub.Add(update, /*acknowledged=*/false);
    if (i > unacknowledged) hub.Acknowledged(update);
  }
}

v1::WatchUpdatesRequest WatchAcknowledgedToo() {
  v1::WatchUpdatesRequest request = WatchOf("f-1");
  request.set_include_acknowledged(true);
  return request;
}

TEST(UpdateHubMemory, KeepsABoundedNumberOfAcknowledgedOnes) {
  HubWithWatches test;

  AddMany(test.hub, UpdateHub::kKeptAcknowledged + 5, /*unacknowledged=*/0);

  const auto watch = test.Watch(WatchAcknowledgedToo());
  EXPECT_THAT(watch->Uuids(), SizeIs(UpdateHub::kKeptAcknowledged));
  EXPECT_EQ(watch->Uuids().front(), "u-6") << "the oldest went";
}

TEST(UpdateHubMemory, NeverForgetsWhatIsUnacknowledged) {
  HubWithWatches test;

  AddMany(test.hub, UpdateHub::kKeptAcknowledged + 5, /*unacknowledged=*/2);

  EXPECT_THAT(test.Watch("f-1")->Uuids(), ElementsAre("u-1", "u-2"));
}

TEST(UpdateHubMemory, BeginsAnewWhereWhatFollowsACursorWasForgotten) {
  HubWithWatches test;
  const auto first = test.Watch("f-1");
  test.hub.Add(UpdateOf("f-1", "u-0"), /*acknowledged=*/true);
  test.hub.Add(UpdateOf("f-1", "waits"), /*acknowledged=*/false);
  const std::string cursor = first->cursor();
  test.hub.Acknowledged(UpdateOf("f-1", "waits"));
  test.hub.Unwatch(test.last_watch);

  AddMany(test.hub, UpdateHub::kKeptAcknowledged + 5, /*unacknowledged=*/0);
  const auto second = test.Watch(WatchFrom(cursor));

  EXPECT_FALSE(second->header().resumed());
  EXPECT_THAT(second->Uuids(), IsEmpty());
}

}  // namespace
}  // namespace holdfast
