#include "base/event_loop.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <unistd.h>

#include <string>
#include <thread>

#include "tests/fakes/fake_clock.h"

namespace holdfast {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

struct Pipe {
  Pipe() {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) abort();
    read_end = UniqueFd(ends[0]);
    write_end = UniqueFd(ends[1]);
  }
  void Fill() const { ASSERT_EQ(write(write_end.get(), "x", 1), 1); }

  UniqueFd read_end;
  UniqueFd write_end;
};

class EventLoopTest : public ::testing::Test {
 protected:
  // Handles what is ready now.
  void Turn() { loop_->RunOnce(absl::ZeroDuration()); }
  // A callback that notes `name`.
  std::function<void()> Note(std::string name) {
    return [this, name] { noted_.push_back(name); };
  }
  void Watch(const Pipe& pipe, const std::string& name) {
    const absl::Status status =
        loop_->Watch(pipe.read_end.get(), EPOLLIN,
                     [this, name](uint32_t) { noted_.push_back(name); });
    ASSERT_TRUE(status.ok()) << status;
  }

  FakeClock clock_;
  std::unique_ptr<EventLoop> loop_ = *EventLoop::Create(clock_);
  std::vector<std::string> noted_;
};

TEST_F(EventLoopTest, RunsTimersInTheOrderTheyAreDue) {
  loop_->After(absl::Seconds(2), Note("second"));
  loop_->After(absl::Seconds(1), Note("first"));
  loop_->After(absl::Seconds(2), Note("set later"));
  loop_->After(absl::Seconds(9), Note("not yet"));

  clock_.Advance(absl::Seconds(3));
  Turn();

  EXPECT_THAT(noted_, ElementsAre("first", "second", "set later"));
}

TEST_F(EventLoopTest, RunsATimerOnceAndNotBeforeItIsDue) {
  loop_->After(absl::Seconds(2), Note("due"));

  clock_.Advance(absl::Milliseconds(1999));
  Turn();
  EXPECT_THAT(noted_, IsEmpty());
  clock_.Advance(absl::Milliseconds(1));
  Turn();
  Turn();

  EXPECT_THAT(noted_, ElementsAre("due"));
}

TEST_F(EventLoopTest, ForgetsACancelledTimer) {
  const EventLoop::TimerId other = loop_->After(absl::Seconds(2), Note("b"));
  loop_->After(absl::Seconds(1), [this, other] { loop_->Cancel(other); });
  const EventLoop::TimerId timer = loop_->After(absl::Seconds(1), Note("a"));
  loop_->Cancel(timer);

  clock_.Advance(absl::Seconds(3));
  Turn();

  EXPECT_THAT(noted_, IsEmpty());
  loop_->Cancel(timer);  // nothing happens
}

TEST_F(EventLoopTest, LetsATimerSetAnother) {
  loop_->After(absl::Seconds(1), [this] {
    noted_.push_back("first");
    loop_->After(absl::Seconds(1), Note("second"));
  });

  clock_.Advance(absl::Seconds(1));
  Turn();
  EXPECT_THAT(noted_, ElementsAre("first"));
  clock_.Advance(absl::Seconds(1));
  Turn();

  EXPECT_THAT(noted_, ElementsAre("first", "second"));
}

TEST_F(EventLoopTest, CallsAWatchWheneverItsDescriptorIsReady) {
  const Pipe pipe;
  Watch(pipe, "ready");

  Turn();
  EXPECT_THAT(noted_, IsEmpty());
  pipe.Fill();
  Turn();
  Turn();

  EXPECT_THAT(noted_, ElementsAre("ready", "ready"));
}

TEST_F(EventLoopTest, WatchesForWhatItIsToldLater) {
  const Pipe pipe;
  Watch(pipe, "ready");
  pipe.Fill();

  ASSERT_TRUE(loop_->Rewatch(pipe.read_end.get(), 0).ok());
  Turn();
  EXPECT_THAT(noted_, IsEmpty());
  ASSERT_TRUE(loop_->Rewatch(pipe.read_end.get(), EPOLLIN).ok());
  Turn();

  EXPECT_THAT(noted_, ElementsAre("ready"));
  EXPECT_TRUE(absl::IsNotFound(loop_->Rewatch(pipe.write_end.get(), 0)));
}

TEST_F(EventLoopTest, LetsACallbackUnwatchItself) {
  const Pipe pipe;
  const int fd = pipe.read_end.get();
  const std::string captured = "still alive after Unwatch";
  ASSERT_TRUE(loop_
                  ->Watch(fd, EPOLLIN,
                          [this, fd, captured](uint32_t) {
                            loop_->Unwatch(fd);
                            noted_.push_back(captured);
                          })
                  .ok());

  pipe.Fill();
  Turn();
  Turn();

  EXPECT_THAT(noted_, ElementsAre(captured));
}

// Both are ready at once; the first to be called closes the other, whose
// number a descriptor gets at which nothing has happened.
TEST_F(EventLoopTest, DropsAStaleEventOfAReusedDescriptor) {
  const Pipe idle;
  Pipe pipes[2];
  const auto replace = [&](Pipe& other) {
    const int fd = other.read_end.get();
    loop_->Unwatch(fd);
    ASSERT_EQ(dup3(idle.read_end.get(), fd, O_CLOEXEC), fd);
    Watch(other, "stale");
  };
  for (int i = 0; i < 2; ++i) {
    Pipe& other = pipes[1 - i];
    const auto callback = [&, i](uint32_t) {
      noted_.push_back("first");
      loop_->Unwatch(pipes[i].read_end.get());
      replace(other);
    };
    ASSERT_TRUE(loop_->Watch(pipes[i].read_end.get(), EPOLLIN, callback).ok());
    pipes[i].Fill();
  }

  Turn();
  Turn();

  EXPECT_THAT(noted_, ElementsAre("first"));
}

TEST_F(EventLoopTest, RunsWhatIsPostedInItsOrder) {
  loop_->Post([this] {
    noted_.push_back("a");
    loop_->Post(Note("from within"));
  });
  loop_->Post(Note("b"));

  Turn();
  Turn();

  EXPECT_THAT(noted_, ElementsAre("a", "b", "from within"));
}

TEST_F(EventLoopTest, RunsWhatOtherThreadsPostUntilItIsStopped) {
  int count = 0;
  std::thread other([&] {
    for (int i = 0; i < 1000; ++i) loop_->Post([&count] { ++count; });
    loop_->Stop();
  });

  loop_->Run();
  other.join();

  EXPECT_EQ(count, 1000);
}

TEST_F(EventLoopTest, CanRunAgainAfterAStop) {
  loop_->Stop();
  loop_->Run();
  loop_->Post([this] {
    noted_.push_back("again");
    loop_->Stop();
  });

  loop_->Run();

  EXPECT_THAT(noted_, ElementsAre("again"));
}

// With the kernel's clock: these take the time that they are about.
TEST(EventLoopTime, FiresATimerAndNotEarly) {
  const auto loop = *EventLoop::Create();
  const absl::Duration start = SystemClock().SinceBoot();
  loop->After(absl::Milliseconds(20), [&] { loop->Stop(); });

  loop->Run();

  EXPECT_GE(SystemClock().SinceBoot() - start, absl::Milliseconds(20));
}

TEST(EventLoopTime, SleepsThroughWhenNothingIsDue) {
  const auto loop = *EventLoop::Create();
  bool fired = false;
  loop->After(absl::Milliseconds(1), [&] { fired = true; });
  loop->Cancel(loop->After(absl::Milliseconds(2), [] {}));
  loop->Post([] {});
  while (!fired) loop->RunOnce(absl::Seconds(10));
  const absl::Duration start = SystemClock().SinceBoot();

  loop->RunOnce(absl::Milliseconds(50));  // cut short by any wake-up

  EXPECT_GE(SystemClock().SinceBoot() - start, absl::Milliseconds(49));
}

TEST(EventLoopTime, RunsAtOnceWhatAPostedTaskPosted) {
  const auto loop = *EventLoop::Create();
  bool ran = false;
  loop->Post([&] { loop->Post([&] { ran = true; }); });
  loop->RunOnce(absl::ZeroDuration());
  const absl::Duration start = SystemClock().SinceBoot();

  loop->RunOnce(absl::Seconds(5));

  EXPECT_TRUE(ran);
  EXPECT_LT(SystemClock().SinceBoot() - start, absl::Seconds(4));
}

TEST(EventLoopTime, IsNotWokenForWhatAWatchPosted) {
  const auto loop = *EventLoop::Create();
  const Pipe pipe;
  bool ran = false;
  const auto callback = [&](uint32_t) {
    loop->Unwatch(pipe.read_end.get());
    loop->Post([&] { ran = true; });
  };
  ASSERT_TRUE(loop->Watch(pipe.read_end.get(), EPOLLIN, callback).ok());
  pipe.Fill();
  loop->RunOnce(absl::ZeroDuration());
  ASSERT_TRUE(ran);
  const absl::Duration start = SystemClock().SinceBoot();

  loop->RunOnce(absl::Milliseconds(50));  // cut short by any wake-up

  EXPECT_GE(SystemClock().SinceBoot() - start, absl::Milliseconds(49));
}

bool IsReadable(const EventLoop& loop) {
  pollfd ready = {.fd = loop.fd(), .events = POLLIN, .revents = 0};
  return poll(&ready, 1, 0) == 1;
}

TEST_F(EventLoopTest, RunsNowWhatATaskPostsAndIsNotWokenForIt) {
  loop_->RunNow([&] {
    Note("task")();
    loop_->Post([&] {
      Note("posted")();
      loop_->Post(Note("posted by that"));
    });
  });

  EXPECT_THAT(noted_, ElementsAre("task", "posted", "posted by that"));
  EXPECT_FALSE(IsReadable(*loop_));
}

TEST_F(EventLoopTest, IsReadableWhenThereIsSomethingToDo) {
  const Pipe pipe;
  Watch(pipe, "ready");
  EXPECT_FALSE(IsReadable(*loop_));
  pipe.Fill();
  EXPECT_TRUE(IsReadable(*loop_));
  loop_->Unwatch(pipe.read_end.get());
  EXPECT_FALSE(IsReadable(*loop_));

  loop_->Post(Note("posted"));

  EXPECT_TRUE(IsReadable(*loop_));
  loop_->RunNow([&] { Turn(); });
  EXPECT_FALSE(IsReadable(*loop_));
  EXPECT_THAT(noted_, ElementsAre("posted"));
}

}  // namespace
}  // namespace holdfast
