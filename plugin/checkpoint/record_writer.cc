#include "plugin/checkpoint/record_writer.h"

namespace holdfast {

void RecordWriter::Add(Decide decide, Done done) {
  waiting_.emplace_back(std::move(decide), std::move(done));
  if (!busy_) Next();
}

void RecordWriter::Next() {
  while (!busy_ && !waiting_.empty()) {
    busy_ = true;
    absl::StatusOr<Write> write = waiting_.front().first();
    if (!write.ok() || *write == nullptr) {
      Finish(write.status());
      continue;
    }
    thread_.Run([this, write = *std::move(write)] {
      const absl::Status written = write();
      loop_.Post([this, written] {
        Finish(written);
        Next();
      });
    });
  }
}

void RecordWriter::Finish(const absl::Status& status) {
  const Done done = std::move(waiting_.front().second);
  waiting_.pop_front();
  done(status);  // what it adds comes after those that wait
  busy_ = false;
}

}  // namespace holdfast
