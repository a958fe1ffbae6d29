#include "shim/containerd/work_queue.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>
#include <vector>

namespace holdfast::containerd {
namespace {

using testing::ElementsAre;

class WorkQueueTest : public testing::Test {
 protected:
  void Turn() { loop_->RunOnce(absl::ZeroDuration()); }
  void Add(int number) {
    queue_->Add([this, number](WorkQueue::Done done) {
      begun_.push_back(number);
      done_ = std::move(done);
    });
  }

  const std::unique_ptr<EventLoop> loop_ = *EventLoop::Create();
  std::optional<WorkQueue> queue_{std::in_place, *loop_};
  std::vector<int> begun_;
  WorkQueue::Done done_;  // of what is under way
};

TEST_F(WorkQueueTest, BeginsTheFirstAtOnce) {
  Add(1);

  EXPECT_THAT(begun_, ElementsAre(1));
}

TEST_F(WorkQueueTest, DoesOneAfterAnotherInOrder) {
  for (const int number : {1, 2, 3}) Add(number);
  Turn();
  EXPECT_THAT(begun_, ElementsAre(1));

  done_();
  Turn();
  EXPECT_THAT(begun_, ElementsAre(1, 2));
  done_();
  Turn();
  done_();
  Turn();

  EXPECT_THAT(begun_, ElementsAre(1, 2, 3));
}

TEST_F(WorkQueueTest, BeginsTheNextFromTheLoop) {
  Add(1);
  Add(2);

  done_();

  EXPECT_THAT(begun_, ElementsAre(1));
}

TEST_F(WorkQueueTest, WorkThatEndsAfterItDoesNothing) {
  Add(1);
  Add(2);
  queue_.reset();

  done_();
  Turn();

  EXPECT_THAT(begun_, ElementsAre(1));
}

TEST_F(WorkQueueTest, MayBeDestroyedBetweenTheEndOfOneAndTheNext) {
  Add(1);
  Add(2);
  done_();
  queue_.reset();

  Turn();

  EXPECT_THAT(begun_, ElementsAre(1));
}

}  // namespace
}  // namespace holdfast::containerd
