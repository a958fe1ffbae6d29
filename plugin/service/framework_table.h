#pragma once

#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "api/records.pb.h"
#include "base/clock.h"
#include "plugin/checkpoint/agent_store.h"
#include "plugin/checkpoint/record_writer.h"

namespace holdfast {

// The frameworks of this agent, in memory as they are on disk (those with
// checkpoint=false in memory alone).
//
//              Register             TearDown              Forget
//   unknown ─────────────▶ known ─────────────▶ torn down ────────▶ unknown
//                          ▲   │ Register        ▲      │ TearDown
//                          └───┘                 └──────┘
//
// Each change is durable before it is in effect, and they take effect in the
// order of their calls. One that cannot be written changes nothing.
class FrameworkTable {
 public:
  using Done = RecordWriter::Done;

  FrameworkTable(const Clock& clock, RecordWriter& writer, AgentStore& store)
      : clock_(clock), writer_(writer), store_(store) {}

  // What is on disk, before anything else.
  void Load(std::vector<v1::FrameworkRecord> records);

  // Null: unknown. One that is torn down is still known.
  const v1::FrameworkInfo* Find(const std::string& id) const;
  // How its executors are to be ended; null: it is not torn down.
  const v1::Ending* FindTeardown(const std::string& id) const;
  std::vector<std::string> Ids() const;
  size_t size() const { return records_.size(); }

  // One whose record is lost: known at once, on disk when its turn comes.
  // False: it is known, or is just registering.
  bool Restore(const v1::FrameworkInfo& framework, Done written);

  // FailedPrecondition CHECKPOINT_CHANGED. Unavailable FRAMEWORK_TORN_DOWN.
  void Register(const v1::FrameworkInfo& framework, Done done);
  // Again: replaces how. NotFound FRAMEWORK_UNKNOWN.
  void TearDown(const std::string& id, const v1::Ending& how, Done done);
  // One that is torn down and has nothing left. OK too when it is unknown.
  void Forget(const std::string& id, Done done);

 private:
  absl::StatusOr<RecordWriter::Write> DecideRegistration(
      const v1::FrameworkRecord& record) const;
  v1::FrameworkRecord MakeRecord(const v1::FrameworkInfo& framework) const;
  RecordWriter::Write Save(const v1::FrameworkRecord& record) const;

  const Clock& clock_;
  RecordWriter& writer_;
  AgentStore& store_;
  absl::flat_hash_map<std::string, v1::FrameworkRecord> records_;
  absl::flat_hash_map<std::string, int> registering_;  // how often
};

}  // namespace holdfast
