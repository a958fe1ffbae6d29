#include "plugin/service/framework_table.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>

#include "api/reasons.h"
#include "tests/fakes/fake_clock.h"
#include "tests/fakes/fake_disk.h"

namespace holdfast {
namespace {

using ::testing::IsEmpty;
using ::testing::SizeIs;

v1::FrameworkInfo AFramework(const std::string& id, bool checkpoint = true) {
  v1::FrameworkInfo framework;
  framework.set_framework_id(id);
  framework.set_checkpoint(checkpoint);
  return framework;
}

class FrameworkTableTest : public testing::Test {
 protected:
  using Call = std::function<void(FrameworkTable::Done)>;

  absl::Status Await(const Call& call) {
    absl::Status status = absl::UnknownError("never done");
    call([&](const absl::Status& done) {
      status = done;
      loop_->Stop();
    });
    loop_->Run();
    return status;
  }
  absl::Status Register(const v1::FrameworkInfo& framework) {
    return Await([&](auto done) { table_.Register(framework, done); });
  }
  absl::Status TearDown(const std::string& id, const std::string& why = "") {
    v1::Ending how;
    how.set_message(why);
    return Await([&](auto done) { table_.TearDown(id, how, done); });
  }
  absl::Status Forget(const std::string& id) {
    return Await([&](auto done) { table_.Forget(id, done); });
  }
  std::vector<v1::FrameworkRecord> OnDisk() {
    return store_->LoadFrameworks()->records;
  }

  const Layout layout_ = {.work_dir = "/w", .runtime_dir = "/r"};
  FakeClock clock_;
  FakeDisk disk_;
  std::unique_ptr<EventLoop> loop_ = std::move(EventLoop::Create()).value();
  std::unique_ptr<AgentStore> store_ =
      std::move(AgentStore::Open(disk_, layout_)).value();
  RecordWriter writer_{*loop_};
  FrameworkTable table_{clock_, writer_, *store_};
};

TEST_F(FrameworkTableTest, KeepsOnDiskWhatCheckpoints) {
  EXPECT_TRUE(Register(AFramework("f-1")).ok());
  EXPECT_TRUE(Register(AFramework("f-2", /*checkpoint=*/false)).ok());

  ASSERT_THAT(OnDisk(), SizeIs(1));
  EXPECT_EQ(OnDisk()[0].framework().framework_id(), "f-1");
  EXPECT_NE(table_.Find("f-2"), nullptr);
  EXPECT_EQ(table_.Find("f-3"), nullptr);
}

TEST_F(FrameworkTableTest, NeverChangesWhetherOneCheckpoints) {
  ASSERT_TRUE(Register(AFramework("f-1")).ok());

  const absl::Status changed = Register(AFramework("f-1", false));

  EXPECT_EQ(ReasonOf(changed), "CHECKPOINT_CHANGED");
  EXPECT_TRUE(table_.Find("f-1")->checkpoint());
}

TEST_F(FrameworkTableTest, TearsDownDurablyAndRefusesTheFrameworkMeanwhile) {
  ASSERT_TRUE(Register(AFramework("f-1")).ok());
  EXPECT_EQ(table_.FindTeardown("f-1"), nullptr);

  ASSERT_TRUE(TearDown("f-1", "it is over").ok());
  const absl::Status again = Register(AFramework("f-1"));

  ASSERT_NE(table_.FindTeardown("f-1"), nullptr);
  EXPECT_EQ(table_.FindTeardown("f-1")->message(), "it is over");
  EXPECT_NE(table_.Find("f-1"), nullptr) << "its executors are to be ended";
  EXPECT_TRUE(absl::IsUnavailable(again)) << again;
  EXPECT_EQ(ReasonOf(again), "FRAMEWORK_TORN_DOWN");
  FrameworkTable next_life(clock_, writer_, *store_);
  next_life.Load(OnDisk());
  ASSERT_NE(next_life.FindTeardown("f-1"), nullptr);
  EXPECT_EQ(next_life.FindTeardown("f-1")->message(), "it is over");
}

TEST_F(FrameworkTableTest, BeginsAnewWhenItIsForgotten) {
  ASSERT_TRUE(Register(AFramework("f-1")).ok());
  ASSERT_TRUE(TearDown("f-1").ok());

  ASSERT_TRUE(Forget("f-1").ok());
  disk_.DropUnsynced();

  EXPECT_EQ(table_.Find("f-1"), nullptr);
  store_ = std::move(AgentStore::Open(disk_, layout_)).value();
  EXPECT_THAT(OnDisk(), IsEmpty());
  EXPECT_TRUE(Forget("f-1").ok());
}

TEST_F(FrameworkTableTest, TearsDownNoneThatIsUnknown) {
  EXPECT_EQ(ReasonOf(TearDown("f-1")), "FRAMEWORK_UNKNOWN");
}

TEST_F(FrameworkTableTest, ChangesNothingThatTheDiskRefuses) {
  ASSERT_TRUE(Register(AFramework("f-1")).ok());
  disk_.FailAt(disk_.operations(), absl::ResourceExhaustedError("full"));
  EXPECT_TRUE(absl::IsResourceExhausted(Register(AFramework("f-2"))));
  disk_.FailAt(disk_.operations(), absl::ResourceExhaustedError("full"));
  EXPECT_TRUE(absl::IsResourceExhausted(TearDown("f-1")));

  EXPECT_EQ(table_.Find("f-2"), nullptr);
  EXPECT_EQ(table_.FindTeardown("f-1"), nullptr);
}

TEST_F(FrameworkTableTest, KnowsAtOnceOneWhoseRecordWasLost) {
  absl::Status written = absl::UnknownError("never done");
  EXPECT_TRUE(table_.Restore(AFramework("f-1"), [&](const absl::Status& done) {
    written = done;
    loop_->Stop();
  }));
  EXPECT_NE(table_.Find("f-1"), nullptr);
  EXPECT_FALSE(table_.Restore(AFramework("f-1"), nullptr));

  loop_->Run();

  EXPECT_TRUE(written.ok()) << written;
  EXPECT_THAT(OnDisk(), SizeIs(1));
}

TEST_F(FrameworkTableTest, MakesNoneUpThatRegistersJustNow) {
  v1::FrameworkInfo framework = AFramework("f-1");
  framework.set_name("its own");
  table_.Register(framework, [](const absl::Status&) {});

  EXPECT_FALSE(table_.Restore(AFramework("f-1"), nullptr));

  EXPECT_TRUE(Register(framework).ok());
  EXPECT_EQ(table_.Find("f-1")->name(), "its own");
}

TEST_F(FrameworkTableTest, TakesCallsInTheirOrder) {
  absl::Status second;
  table_.Register(AFramework("f-1"), [](const absl::Status&) {});
  table_.TearDown("f-1", v1::Ending(), [](const absl::Status&) {});
  EXPECT_EQ(table_.Find("f-1"), nullptr) << "nothing is durable yet";

  second = Register(AFramework("f-1"));

  EXPECT_EQ(ReasonOf(second), "FRAMEWORK_TORN_DOWN");
}

}  // namespace
}  // namespace holdfast
