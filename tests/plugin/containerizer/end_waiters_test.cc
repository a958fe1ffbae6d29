#include "plugin/containerizer/end_waiters.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace holdfast {
namespace {

using Caller = EndWaiters::Caller;
using testing::ElementsAre;

class EndWaitersTest : public testing::Test {
 protected:
  std::shared_ptr<Caller> Add(const EndWaiters::Key& key, std::string who) {
    auto caller = std::make_shared<Caller>();
    Add(key, std::move(who), caller);
    return caller;
  }
  void Add(const EndWaiters::Key& key, std::string who,
           const std::shared_ptr<Caller>& caller) {
    waiters_.Add(
        key, caller,
        [this, who](const absl::StatusOr<v1::ContainerTermination>& end) {
          told_.push_back(who + (end.ok()
                                     ? std::to_string(end->exit_code())
                                     : std::string(absl::StatusCodeToString(
                                           end.status().code()))));
        });
  }
  static v1::ContainerTermination Code(int exit_code) {
    v1::ContainerTermination end;
    end.set_exit_code(exit_code);
    return end;
  }

  const EndWaiters::Key key_ = {"f-1", "c-1"};
  EndWaiters waiters_;
  std::vector<std::string> told_;
};

TEST_F(EndWaitersTest, TellsAllWhoWaitForThatOneOnce) {
  Add(key_, "a:");
  Add({"f-2", "c-1"}, "of another owner:");
  Add(key_, "b:");

  waiters_.Answer(key_, Code(7));
  waiters_.Answer(key_, Code(8));

  EXPECT_THAT(told_, ElementsAre("a:7", "b:7"));
  EXPECT_FALSE(waiters_.IsAwaited(key_));
  EXPECT_EQ(waiters_.size(), 1u);
}

TEST_F(EndWaitersTest, TellsThatThereWillBeNoEnd) {
  Add(key_, "a:");

  waiters_.Answer(key_, absl::NotFoundError("its launch came to nothing"));

  EXPECT_THAT(told_, ElementsAre("a:NOT_FOUND"));
}

TEST_F(EndWaitersTest, TellsEverybodyThatThePluginStops) {
  Add(key_, "a:");
  Add({"f-2", "c-1"}, "b:");

  waiters_.Close(absl::UnavailableError("stopping"));
  Add(key_, "late:");

  EXPECT_THAT(
      told_, ElementsAre("a:UNAVAILABLE", "b:UNAVAILABLE", "late:UNAVAILABLE"));
  EXPECT_EQ(waiters_.size(), 0u);
}

TEST_F(EndWaitersTest, KeepsNobodyWhoHasGone) {
  const auto gone = Add(key_, "gone:");
  Add(key_, "there:");

  waiters_.Drop(gone);
  waiters_.Drop(gone);
  waiters_.Answer(key_, Code(7));

  EXPECT_THAT(told_, ElementsAre("gone:CANCELLED", "there:7"));
  EXPECT_EQ(waiters_.size(), 0u);
}

// A Destroy waits for its kill first.
TEST_F(EndWaitersTest, TakesNobodyWhoHasGoneBefore) {
  const auto gone = std::make_shared<Caller>();
  waiters_.Drop(gone);

  Add(key_, "gone:", gone);

  EXPECT_THAT(told_, ElementsAre("gone:CANCELLED"));
  EXPECT_EQ(waiters_.size(), 0u);
}

TEST_F(EndWaitersTest, MayBeAskedAgainFromAnAnswer) {
  waiters_.Add(key_, std::make_shared<Caller>(),
               [this](const absl::StatusOr<v1::ContainerTermination>&) {
                 Add(key_, "again:");
               });

  waiters_.Answer(key_, Code(7));
  EXPECT_THAT(told_, ElementsAre());
  waiters_.Answer(key_, Code(8));

  EXPECT_THAT(told_, ElementsAre("again:8"));
}

}  // namespace
}  // namespace holdfast
