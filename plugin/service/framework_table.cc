#include "plugin/service/framework_table.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "api/reasons.h"
#include "api/time_convert.h"
#include "plugin/service/agent_errors.h"

namespace holdfast {

void FrameworkTable::Load(std::vector<v1::FrameworkRecord> records) {
  for (v1::FrameworkRecord& record : records) {
    const std::string id = record.framework().framework_id();
    records_[id] = std::move(record);
  }
}

const v1::FrameworkInfo* FrameworkTable::Find(const std::string& id) const {
  const auto found = records_.find(id);
  return found == records_.end() ? nullptr : &found->second.framework();
}

const v1::Ending* FrameworkTable::FindTeardown(const std::string& id) const {
  const auto found = records_.find(id);
  if (found == records_.end() || !found->second.torn_down()) return nullptr;
  return &found->second.teardown();
}

std::vector<std::string> FrameworkTable::Ids() const {
  std::vector<std::string> ids;
  for (const auto& [id, record] : records_) ids.push_back(id);
  return ids;
}

RecordWriter::Write FrameworkTable::Save(
    const v1::FrameworkRecord& record) const {
  if (!record.framework().checkpoint()) return nullptr;
  return [&store = store_, record] { return store.SaveFramework(record); };
}

absl::StatusOr<RecordWriter::Write> FrameworkTable::DecideRegistration(
    const v1::FrameworkRecord& record) const {
  const v1::FrameworkInfo& framework = record.framework();
  const std::string& id = framework.framework_id();
  const v1::FrameworkInfo* known = Find(id);
  if (known != nullptr && known->checkpoint() != framework.checkpoint()) {
    return WithReason(absl::FailedPreconditionError(absl::StrCat(
                          "framework ", id, ": registered with checkpoint=",
                          known->checkpoint() ? "true" : "false",
                          ", which never changes; use another framework_id")),
                      "CHECKPOINT_CHANGED");
  }
  if (FindTeardown(id) != nullptr) {
    return FrameworkTornDown(absl::UnavailableError(absl::StrCat(
        "framework ", id,
        ": it is being torn down, and its executors end; try again")));
  }
  if (known != nullptr &&
      known->SerializeAsString() == framework.SerializeAsString()) {
    return nullptr;
  }
  return Save(record);
}

v1::FrameworkRecord FrameworkTable::MakeRecord(
    const v1::FrameworkInfo& framework) const {
  v1::FrameworkRecord record;
  *record.mutable_framework() = framework;
  *record.mutable_time() = ToProto(clock_.Now());
  return record;
}

void FrameworkTable::Register(const v1::FrameworkInfo& framework, Done done) {
  const v1::FrameworkRecord record = MakeRecord(framework);
  ++registering_[framework.framework_id()];
  writer_.Add([this, record] { return DecideRegistration(record); },
              [this, record, done](const absl::Status& registered) {
                const std::string& id = record.framework().framework_id();
                if (--registering_[id] == 0) registering_.erase(id);
                if (registered.ok()) records_[id] = record;
                done(registered);
              });
}

bool FrameworkTable::Restore(const v1::FrameworkInfo& framework, Done written) {
  const std::string& id = framework.framework_id();
  if (records_.contains(id) || registering_.contains(id)) return false;
  records_[id] = MakeRecord(framework);
  writer_.Add(
      [this, id]() -> absl::StatusOr<RecordWriter::Write> {
        const auto found = records_.find(id);
        if (found == records_.end()) return nullptr;
        return Save(found->second);
      },
      std::move(written));
  return true;
}

void FrameworkTable::TearDown(const std::string& id, const v1::Ending& how,
                              Done done) {
  const auto torn_down = [this, id, how] {
    v1::FrameworkRecord record = records_.at(id);
    record.set_torn_down(true);
    *record.mutable_teardown() = how;
    return record;
  };
  writer_.Add(
      [this, id, torn_down]() -> absl::StatusOr<RecordWriter::Write> {
        if (Find(id) == nullptr) return FrameworkUnknown(id);
        return Save(torn_down());
      },
      [this, id, torn_down, done](const absl::Status& written) {
        if (written.ok()) records_[id] = torn_down();
        done(written);
      });
}

void FrameworkTable::Forget(const std::string& id, Done done) {
  writer_.Add(
      [this, id]() -> absl::StatusOr<RecordWriter::Write> {
        const v1::FrameworkInfo* known = Find(id);
        if (known == nullptr || !known->checkpoint()) return nullptr;
        return [this, id] { return store_.RemoveFramework(id); };
      },
      [this, id, done](const absl::Status& removed) {
        if (removed.ok()) records_.erase(id);
        done(removed);
      });
}

}  // namespace holdfast
