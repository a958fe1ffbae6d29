#include <gtest/gtest.h>

#include <string>

#include "tests/shim/service/shim_pair.h"

// An agent that is connected and does not read, as one that was stopped.

namespace holdfast::shim {
namespace {

constexpr char kRuns[] = "exec sleep 1000";
constexpr size_t kKiB = 1024;

v1::JournalRecord RecordOf(size_t bytes) {
  v1::JournalRecord record;
  record.mutable_update()->mutable_status()->set_data(std::string(bytes, 'x'));
  return record;
}

class SlowAgentTest : public ShimPairTest {
 protected:
  // Twice what may wait for it, and whatever its sockets take.
  void TellALot() {
    for (int i = 0; i < 48; ++i) {
      attach_->OnRecord(RecordOf(64 * kKiB));
      RunUntilQuiet();
    }
  }
};
INSTANTIATE_TEST_SUITE_P(Modes, SlowAgentTest, kAllModes, ModeName);

TEST_P(SlowAgentTest, IsLostWhenTooMuchWaitsForIt) {
  Serve(Command(kRuns));
  const auto client = ConnectThroughValve();
  const AttachStream stream = AttachWhole(*client);
  valve_->Close();

  TellALot();
  EXPECT_EQ(CountRecords(v1::JournalRecord::kDetached), 1);
  Jump(absl::Minutes(15));

  EXPECT_TRUE(facts().fenced.has_value());
}

TEST_P(SlowAgentTest, KeepsItsStreamAsLongAsLittleWaits) {
  Serve(Command(kRuns));
  const auto client = ConnectThroughValve();
  const AttachStream stream = AttachWhole(*client);
  valve_->Close();
  for (int i = 0; i < 8; ++i) attach_->OnRecord(RecordOf(64 * kKiB));

  valve_->Open();

  ASSERT_TRUE(RunUntil([&] { return stream.count() == 10; }));
  EXPECT_FALSE(stream.ended());
  EXPECT_EQ(CountRecords(v1::JournalRecord::kDetached), 0);
}

TEST_P(SlowAgentTest, HearsWhyWhenItReadsAgain) {
  Serve(Command(kRuns));
  const auto client = ConnectThroughValve();
  AttachStream stream = AttachWhole(*client);
  valve_->Close();
  TellALot();

  valve_->Open();

  EXPECT_TRUE(absl::IsResourceExhausted(EndOf(stream))) << stream.end();
}

TEST_P(SlowAgentTest, AttachesAgainAndStopsTheFence) {
  Serve(Command(kRuns));
  const auto client = ConnectThroughValve();
  const AttachStream stream = AttachWhole(*client);
  valve_->Close();
  TellALot();

  const auto again = Connect();
  const AttachStream next = AttachWhole(*again);
  Jump(absl::Hours(1));

  EXPECT_EQ(supervisor_->phase(), Phase::kRunning);
  EXPECT_FALSE(next.ended());
}

TEST_P(SlowAgentTest, IsNotAttachedByAConfirmThatItCannotBeAnswered) {
  Serve(Command(kRuns));
  const auto client = ConnectThroughValve();
  AttachStream stream = Attach(*client);
  stream.Send(Hello());
  ASSERT_TRUE(RunUntil([&] { return stream.count() == 1; }));
  valve_->Close();
  TellALot();

  stream.Send(Confirm());
  valve_->Open();
  EXPECT_TRUE(absl::IsResourceExhausted(EndOf(stream))) << stream.end();
  Jump(absl::Minutes(15));

  EXPECT_TRUE(facts().fenced.has_value());
}

}  // namespace
}  // namespace holdfast::shim
