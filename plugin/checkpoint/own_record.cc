#include "plugin/checkpoint/own_record.h"

#include <memory>

namespace holdfast {

void OwnRecord::Change(std::function<void(v1::AgentRecord&)> edit,
                       RecordWriter::Done done) {
  auto changed = std::make_shared<v1::AgentRecord>();
  writer_.Add(
      [this, edit = std::move(edit),
       changed]() -> absl::StatusOr<RecordWriter::Write> {
        *changed = record_;
        edit(*changed);
        return [this, changed] { return store_.SaveAgent(*changed); };
      },
      [this, changed, done = std::move(done)](const absl::Status& written) {
        if (written.ok()) record_ = *changed;
        done(written);
      });
}

}  // namespace holdfast
