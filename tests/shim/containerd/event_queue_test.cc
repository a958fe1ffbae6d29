#include "shim/containerd/event_queue.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "tests/fakes/fake_clock.h"
#include "tests/fakes/fake_events.h"
#include "tests/fakes/temporary_directory.h"

namespace holdfast::containerd {
namespace {

using testing::ElementsAre;

class EventQueueTest : public testing::Test {
 protected:
  static EventQueue::Event Event(const std::string& topic, bool kept = false) {
    EventQueue::Event event;
    event.container_id = "c";
    event.process_id = kept ? "c" : "";
    event.topic = topic;
    event.type = "containerd.events.TaskExit";
    event.bytes = absl::StrCat("bytes of ", topic);
    event.at = absl::FromUnixSeconds(1'800'000'000);
    event.kept = kept;
    return event;
  }
  // False: it does not hold in a while.
  template <typename Condition>
  bool RunUntil(Condition holds) {
    const absl::Time deadline = absl::Now() + absl::Seconds(20);
    while (!holds() && absl::Now() < deadline) {
      loop_->RunOnce(absl::Milliseconds(5));
    }
    return holds();
  }
  bool Delivers(size_t count) {
    return RunUntil([&] { return daemon_.events().size() >= count; });
  }
  bool IsSettled() {
    return RunUntil([&] { return queue_.waiting() == 0; });
  }
  // Time goes by, in steps in which each timer fires in its turn.
  void Pass(absl::Duration time) {
    constexpr absl::Duration kStep = absl::Milliseconds(100);
    for (; time > absl::ZeroDuration(); time -= kStep) {
      clock_.Advance(kStep);
      for (int turn = 0; turn < 3; ++turn) {
        loop_->RunOnce(absl::ZeroDuration());
      }
    }
  }

  TemporaryDirectory directory_;
  FakeClock clock_;
  FakeEvents daemon_{directory_ / "events.sock"};
  std::unique_ptr<EventLoop> loop_ = *EventLoop::Create(clock_);
  EventQueue queue_{*loop_, daemon_.path(), "ns"};
};

TEST_F(EventQueueTest, SendsInOrder) {
  for (const char* topic : {"/a", "/b", "/c"}) queue_.Publish(Event(topic));

  EXPECT_TRUE(Delivers(3));
  EXPECT_THAT(daemon_.topics(), ElementsAre("/a", "/b", "/c"));
  EXPECT_EQ(daemon_.events()[0].namespace_(), "ns");
}

TEST_F(EventQueueTest, TriesAgainUntilADaemonTakesIt) {
  daemon_.Stop();
  queue_.Publish(Event("/a"));
  queue_.Publish(Event("/b"));
  Pass(absl::Seconds(1));
  daemon_.Start();

  Pass(absl::Seconds(5));

  EXPECT_TRUE(Delivers(2));
  EXPECT_THAT(daemon_.topics(), ElementsAre("/a", "/b"));
}

TEST_F(EventQueueTest, SendsAgainWhatWasUnderWayWhenTheDaemonDied) {
  daemon_.Hang();
  queue_.Publish(Event("/a"));
  ASSERT_TRUE(RunUntil([&] { return daemon_.requests() == 1; }));
  daemon_.Stop();
  daemon_.AnswerWith(absl::OkStatus());
  daemon_.Start();

  EXPECT_TRUE(RunUntil([&] {
    Pass(absl::Milliseconds(100));
    return daemon_.events().size() == 1;
  }));
}

TEST_F(EventQueueTest, AsksNoMoreAfterAWhileUntilTheDaemonIsThere) {
  daemon_.Stop();
  queue_.Publish(Event("/a"));
  Pass(absl::Seconds(16));
  daemon_.Start();
  Pass(absl::Minutes(2));
  ASSERT_EQ(daemon_.requests(), 0);

  queue_.DaemonIsThere();

  EXPECT_TRUE(Delivers(1));
}

TEST_F(EventQueueTest, TellsADaemonThatIsBackOfAnEndTwice) {
  queue_.Publish(Event("/tasks/start"));
  queue_.Publish(Event("/tasks/exit", /*kept=*/true));
  ASSERT_TRUE(Delivers(2) && IsSettled());
  daemon_.Clear();

  queue_.DaemonIsBack();
  ASSERT_TRUE(Delivers(1) && IsSettled());
  Pass(absl::Seconds(4));

  ASSERT_TRUE(Delivers(2) && IsSettled());
  Pass(absl::Minutes(1));
  EXPECT_THAT(daemon_.topics(), ElementsAre("/tasks/exit", "/tasks/exit"));
}

TEST_F(EventQueueTest, TellsAgainWhatItToldBefore) {
  queue_.Publish(Event("/tasks/exit", /*kept=*/true));
  ASSERT_TRUE(Delivers(1) && IsSettled());
  daemon_.Clear();

  queue_.DaemonIsBack();

  ASSERT_TRUE(Delivers(1));
  const FakeEvents::Envelope again = daemon_.events().front();
  EXPECT_EQ(again.event().type_url(), "containerd.events.TaskExit");
  EXPECT_EQ(again.event().value(), "bytes of /tasks/exit");
  EXPECT_EQ(again.timestamp().seconds(), 1'800'000'000);
}

TEST_F(EventQueueTest, DoesNotTellAgainOfWhatIsDeleted) {
  queue_.Publish(Event("/tasks/exit", /*kept=*/true));
  ASSERT_TRUE(Delivers(1) && IsSettled());
  daemon_.Clear();

  queue_.Forget("c", "c");
  queue_.DaemonIsBack();
  Pass(absl::Seconds(4));

  ASSERT_TRUE(IsSettled());
  EXPECT_EQ(daemon_.requests(), 0);
}

TEST_F(EventQueueTest, SendsWhatIsDeletedOnceAllTheSame) {
  daemon_.Stop();
  queue_.Publish(Event("/tasks/exit", /*kept=*/true));
  queue_.ForgetAll("c");
  daemon_.Start();

  queue_.DaemonIsBack();
  ASSERT_TRUE(Delivers(1) && IsSettled());
  Pass(absl::Seconds(4));

  EXPECT_THAT(daemon_.topics(), ElementsAre("/tasks/exit"));
}

TEST_F(EventQueueTest, KeepsAnEndThatADaemonRefused) {
  daemon_.AnswerWith(absl::UnknownError("context canceled"));
  queue_.Publish(Event("/tasks/exit", /*kept=*/true));
  ASSERT_TRUE(RunUntil([&] { return daemon_.requests() == 1; }) && IsSettled());
  daemon_.AnswerWith(absl::OkStatus());

  queue_.DaemonIsBack();

  EXPECT_TRUE(Delivers(1));
}

TEST_F(EventQueueTest, ARefusedEventDoesNotHoldUpTheNext) {
  daemon_.AnswerWith(absl::UnknownError("no"));
  queue_.Publish(Event("/a"));
  ASSERT_TRUE(RunUntil([&] { return daemon_.requests() == 1; }) && IsSettled());
  daemon_.AnswerWith(absl::OkStatus());
  queue_.Publish(Event("/b"));

  EXPECT_TRUE(Delivers(1));
  EXPECT_THAT(daemon_.topics(), ElementsAre("/b"));
}

TEST_F(EventQueueTest, KeepsTheEndsWhereTooMuchWaits) {
  daemon_.Stop();
  queue_.Publish(Event("/tasks/exit", /*kept=*/true));
  for (int i = 0; i < 5000; ++i) queue_.Publish(Event("/noise"));
  EXPECT_LE(queue_.waiting(), 4096U);
  daemon_.Start();

  queue_.DaemonIsBack();

  EXPECT_TRUE(Delivers(1));
  EXPECT_EQ(daemon_.topics().front(), "/tasks/exit");
}

TEST_F(EventQueueTest, MemoryThatRunsOutWithoutEndFillsNoQueue) {
  daemon_.Stop();
  for (int i = 0; i < 5000; ++i) queue_.Publish(Event("/tasks/oom", true));
  EXPECT_LE(queue_.waiting(), 4096U);
  daemon_.Start();
  queue_.DaemonIsBack();
  ASSERT_TRUE(IsSettled());
  daemon_.Clear();

  queue_.DaemonIsBack();

  ASSERT_TRUE(Delivers(1) && IsSettled());
  EXPECT_EQ(daemon_.requests(), 1);
}

TEST_F(EventQueueTest, NeverDropsWhatIsUnderWay) {
  daemon_.Hang();
  queue_.Publish(Event("/first"));
  ASSERT_TRUE(RunUntil([&] { return daemon_.requests() == 1; }));
  for (int i = 0; i < 4096; ++i) queue_.Publish(Event(absl::StrCat("/", i)));
  daemon_.Stop();
  daemon_.AnswerWith(absl::OkStatus());
  daemon_.Start();
  ASSERT_TRUE(RunUntil([&] {
    Pass(absl::Milliseconds(100));
    return queue_.waiting() == 0;
  }));

  const std::vector<std::string> topics = daemon_.topics();

  ASSERT_EQ(topics.size(), 4096U);
  EXPECT_EQ(topics.front(), "/first");
  EXPECT_EQ(topics[1], "/1");
}

TEST_F(EventQueueTest, AFlushEndsWhenAllIsSent) {
  bool flushed = false;
  queue_.Publish(Event("/a"));

  queue_.Flush(absl::Minutes(1), [&] { flushed = true; });

  EXPECT_TRUE(RunUntil([&] { return flushed; }));
  EXPECT_EQ(daemon_.topics().size(), 1U);
}

TEST_F(EventQueueTest, AFlushEndsInTimeWhereTheDaemonHangs) {
  daemon_.Hang();
  queue_.Publish(Event("/a"));
  ASSERT_TRUE(RunUntil([&] { return daemon_.requests() == 1; }));
  bool flushed = false;

  queue_.Flush(absl::Seconds(1), [&] { flushed = true; });
  Pass(absl::Seconds(1.2));

  EXPECT_TRUE(flushed);
}

TEST(EventQueue, WithoutAnAddressThereIsNothingToSend) {
  const auto loop = *EventLoop::Create();
  EventQueue queue(*loop, "", "ns");
  bool flushed = false;

  queue.Publish({});
  queue.Flush(absl::Minutes(1), [&] { flushed = true; });
  loop->RunOnce(absl::Milliseconds(10));

  EXPECT_TRUE(flushed);
}

}  // namespace
}  // namespace holdfast::containerd
