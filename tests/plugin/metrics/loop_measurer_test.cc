#include "plugin/metrics/loop_measurer.h"

#include <gtest/gtest.h>

#include <thread>

namespace holdfast {
namespace {

class LoopMeasurerTest : public testing::Test {
 protected:
  LoopMeasurerTest() : loop_(*EventLoop::Create()) {}

  std::unique_ptr<EventLoop> loop_;
  LoopMeasurer measurer_{*loop_, [this] {
                           Measure measure;
                           measure.frameworks = ++taken_;
                           return measure;
                         }};
  uint64_t taken_ = 0;
};

TEST_F(LoopMeasurerTest, AsksTheLoop) {
  std::thread running([this] { loop_->Run(); });

  EXPECT_EQ(measurer_.Take().frameworks, 1u);
  const Measure second = measurer_.Take();

  loop_->Stop();
  running.join();
  EXPECT_EQ(second.frameworks, 2u);
  EXPECT_FALSE(second.stale);
}

TEST_F(LoopMeasurerTest, SaysWhenItsFiguresAreFormerOnes) {
  std::thread running([this] { loop_->Run(); });
  EXPECT_EQ(measurer_.Take().frameworks, 1u);
  loop_->Stop();
  running.join();

  const Measure former = measurer_.Take();

  EXPECT_TRUE(former.stale);
  EXPECT_EQ(former.frameworks, 1u);
}

}  // namespace
}  // namespace holdfast
