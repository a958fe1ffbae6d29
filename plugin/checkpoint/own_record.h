#pragma once

#include <functional>
#include <utility>

#include "api/records.pb.h"
#include "plugin/checkpoint/agent_store.h"
#include "plugin/checkpoint/record_writer.h"

namespace holdfast {

// The agent's own record, in memory as it is on disk: the one place that
// changes it once the plugin runs.
class OwnRecord {
 public:
  // `record`: what is on disk.
  OwnRecord(RecordWriter& writer, AgentStore& store, v1::AgentRecord record)
      : writer_(writer), store_(store), record_(std::move(record)) {}

  const v1::AgentRecord& get() const { return record_; }

  // `edit` changes the record as the changes before it left it. `done` when
  // that is durable and in effect, or with an error: then nothing changed.
  void Change(std::function<void(v1::AgentRecord&)> edit,
              RecordWriter::Done done);

 private:
  RecordWriter& writer_;
  AgentStore& store_;
  v1::AgentRecord record_;
};

}  // namespace holdfast
