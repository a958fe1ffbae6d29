#include "plugin/checkpoint/record_writer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

namespace holdfast {
namespace {

using ::testing::ElementsAre;

class RecordWriterTest : public testing::Test {
 protected:
  // A change that writes down what becomes of it.
  void Add(const std::string& name, absl::Status decided = absl::OkStatus(),
           absl::Status written = absl::OkStatus(), bool writes = true) {
    writer_.Add(
        [this, name, decided, written,
         writes]() -> absl::StatusOr<RecordWriter::Write> {
          events_.push_back(name + " decided");
          if (!decided.ok()) return decided;
          if (!writes) return RecordWriter::Write();
          return [written] { return written; };
        },
        [this, name](const absl::Status& status) {
          events_.push_back(
              name + " " +
              std::string(absl::StatusCodeToString(status.code())));
        });
  }

  // Until so much has happened, or nothing does any more.
  void RunUntil(size_t events) {
    for (int i = 0; i < 100 && events_.size() < events; ++i) {
      loop_->RunOnce(absl::Seconds(1));
    }
  }

  std::unique_ptr<EventLoop> loop_ = std::move(EventLoop::Create()).value();
  std::vector<std::string> events_;
  RecordWriter writer_{*loop_};
};

TEST_F(RecordWriterTest, MakesOneChangeAfterTheOther) {
  Add("first");
  Add("second");
  EXPECT_THAT(events_, ElementsAre("first decided"));

  RunUntil(4);

  EXPECT_THAT(events_, ElementsAre("first decided", "first OK",
                                   "second decided", "second OK"));
}

TEST_F(RecordWriterTest, TellsEachItsOwnErrorAndGoesOn) {
  Add("refused", absl::FailedPreconditionError("no"));
  Add("unwritten", absl::OkStatus(), absl::ResourceExhaustedError("full"));
  Add("third");

  RunUntil(6);

  EXPECT_THAT(events_,
              ElementsAre("refused decided", "refused FAILED_PRECONDITION",
                          "unwritten decided", "unwritten RESOURCE_EXHAUSTED",
                          "third decided", "third OK"));
}

TEST_F(RecordWriterTest, KeepsTheOrderOfWhatHasNothingToWrite) {
  Add("first");
  Add("second", absl::OkStatus(), absl::OkStatus(), /*writes=*/false);

  RunUntil(4);

  EXPECT_THAT(events_, ElementsAre("first decided", "first OK",
                                   "second decided", "second OK"));
}

}  // namespace
}  // namespace holdfast
