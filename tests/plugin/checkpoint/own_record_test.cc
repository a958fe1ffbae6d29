#include "plugin/checkpoint/own_record.h"

#include <gtest/gtest.h>

#include <memory>

#include "tests/fakes/fake_disk.h"
#include "tests/plugin/checkpoint/records.h"

namespace holdfast {
namespace {

class OwnRecordTest : public testing::Test {
 protected:
  // Runs the loop until all changes so far are done; the last one's status.
  absl::Status Change(std::function<void(v1::AgentRecord&)> edit) {
    absl::Status status = absl::UnknownError("never done");
    own_.Change(std::move(edit), [&](const absl::Status& done) {
      status = done;
      loop_->Stop();
    });
    loop_->Run();
    return status;
  }
  v1::AgentRecord OnDisk() { return store_->LoadAgent().value(); }

  FakeDisk disk_;
  std::unique_ptr<EventLoop> loop_ = std::move(EventLoop::Create()).value();
  std::unique_ptr<AgentStore> store_ =
      std::move(AgentStore::Open(disk_, kLayout)).value();
  RecordWriter writer_{*loop_};
  OwnRecord own_{writer_, *store_, AnAgent("boot-1")};
};

TEST_F(OwnRecordTest, IsOnDiskWhenAChangeIsDone) {
  ASSERT_TRUE(Change([](v1::AgentRecord& own) { own.set_retired(true); }).ok());

  disk_.DropUnsynced();
  EXPECT_TRUE(own_.get().retired());
  const auto store = AgentStore::Open(disk_, kLayout);
  EXPECT_TRUE((*store)->LoadAgent()->retired());
}

TEST_F(OwnRecordTest, KeepsWhatEarlierChangesMade) {
  own_.Change([](v1::AgentRecord& own) { own.set_retired(true); },
              [](const absl::Status&) {});

  ASSERT_TRUE(Change([](v1::AgentRecord& own) { own.mutable_drain(); }).ok());

  EXPECT_TRUE(own_.get().retired());
  EXPECT_TRUE(OnDisk().retired());
  EXPECT_TRUE(OnDisk().has_drain());
}

TEST_F(OwnRecordTest, IsUnchangedWhenTheDiskRefuses) {
  disk_.FailAt(disk_.operations(), absl::ResourceExhaustedError("full"));

  const absl::Status refused =
      Change([](v1::AgentRecord& own) { own.set_retired(true); });

  EXPECT_TRUE(absl::IsResourceExhausted(refused)) << refused;
  EXPECT_FALSE(own_.get().retired());
  EXPECT_TRUE(Change([](v1::AgentRecord& own) { own.mutable_drain(); }).ok());
  EXPECT_FALSE(OnDisk().retired());
}

}  // namespace
}  // namespace holdfast
