#include "shim/bundle/executor_journal.h"

#include <time.h>

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "api/time_convert.h"
#include "base/errors.h"
#include "base/failpoint.h"
#include "base/log.h"
#include "base/uuid.h"
#include "shim/bundle/replay.h"
#include "shim/records/damage_offset.h"

namespace holdfast {
namespace {

constexpr size_t kWorthConsideringBytes = size_t{64} * 1024;
// Between opening a journal and locking it, its writer may replace it; but not
// for ever.
constexpr int kOpenAttempts = 100;
// A frame that is written while it is read looks damaged, and its writer may be
// kept from going on for a while.
constexpr int kPeekAttempts = 6;
constexpr timespec kFirstPeekPause = {.tv_sec = 0, .tv_nsec = 500'000};

std::vector<std::string> Serialized(
    absl::Span<const v1::JournalRecord> records) {
  std::vector<std::string> payloads;
  payloads.reserve(records.size());
  for (const v1::JournalRecord& record : records) {
    payloads.push_back(record.SerializeAsString());
  }
  return payloads;
}

std::string Reading(const std::string& path) {
  return absl::StrCat("read journal ", path);
}

// The file that `path` names, locked.
absl::StatusOr<std::unique_ptr<File>> OpenLocked(Files& files,
                                                 const std::string& path) {
  for (int attempt = 0; attempt < kOpenAttempts; ++attempt) {
    HOLDFAST_ASSIGN_OR_RETURN(std::unique_ptr<File> file,
                              files.Open(path, Files::Mode::kReadWrite));
    HOLDFAST_RETURN_IF_ERROR(file->TryLock());
    HOLDFAST_ASSIGN_OR_RETURN(const bool current, file->IsStillAt(path));
    if (current) return file;
  }
  return absl::UnavailableError(absl::StrCat("lock ", path, ": it changes"));
}

absl::StatusOr<ExecutorFacts> ReadFacts(File& file) {
  HOLDFAST_ASSIGN_OR_RETURN(const std::string content, file.ReadAll());
  HOLDFAST_ASSIGN_OR_RETURN(const Journal::Parsed parsed,
                            Journal::Parse(content));
  return ReplayFacts(parsed.payloads, parsed.offsets);
}

// `has_writer`: somebody has the lock, and may be writing what looks damaged.
absl::StatusOr<ExecutorFacts> PeekOnce(Files& files, const std::string& path,
                                       bool& has_writer) {
  has_writer = false;
  HOLDFAST_ASSIGN_OR_RETURN(std::unique_ptr<File> file,
                            files.Open(path, Files::Mode::kReadOnly));
  absl::StatusOr<ExecutorFacts> facts = ReadFacts(*file);
  if (!absl::IsDataLoss(facts.status())) return facts;
  // Whoever has the lock knows that nobody writes, and reads what there is.
  has_writer = absl::IsUnavailable(file->TryLock());
  return has_writer ? facts : ReadFacts(*file);
}

}  // namespace

ExecutorJournal::ExecutorJournal(Files& files, Journal journal,
                                 std::string path, ExecutorFacts facts)
    : files_(&files),
      journal_(std::move(journal)),
      path_(std::move(path)),
      facts_(std::move(facts)),
      consider_at_(kWorthConsideringBytes) {}

absl::StatusOr<ExecutorJournal> ExecutorJournal::Create(
    Files& files, const std::string& path, const v1::Intent& intent) {
  v1::JournalRecord record;
  *record.mutable_intent() = intent;
  ExecutorFacts facts;
  HOLDFAST_RETURN_IF_ERROR(facts.Apply(record));
  const absl::Status found = files.Open(path, Files::Mode::kReadOnly).status();
  if (found.ok()) {
    return absl::AlreadyExistsError(
        absl::StrCat("create journal ", path, ": there is one"));
  }
  if (!absl::IsNotFound(found)) return found;
  HOLDFAST_ASSIGN_OR_RETURN(
      Journal journal, Journal::Put(files, path, {record.SerializeAsString()}));
  return ExecutorJournal(files, std::move(journal), path, std::move(facts));
}

absl::StatusOr<ExecutorJournal> ExecutorJournal::Begin(
    Files& files, Journal empty, const std::string& path,
    const v1::Intent& intent) {
  v1::JournalRecord record;
  *record.mutable_intent() = intent;
  HOLDFAST_RETURN_IF_ERROR(
      empty.Reserve(record.ByteSizeLong() + Journal::kRoomBytes));
  ExecutorJournal journal(files, std::move(empty), path, ExecutorFacts());
  HOLDFAST_RETURN_IF_ERROR(journal.RecordOne(record));
  return journal;
}

absl::StatusOr<ExecutorJournal> ExecutorJournal::Replay(
    Files& files, std::unique_ptr<File> file, const std::string& path) {
  absl::StatusOr<Journal::Opened> opened = Journal::Open(std::move(file));
  if (!opened.ok()) return Annotate(opened.status(), Reading(path));
  absl::StatusOr<ExecutorFacts> facts = ReplayFacts(opened->payloads);
  if (!facts.ok()) return Annotate(facts.status(), Reading(path));
  return ExecutorJournal(files, std::move(opened->journal), path,
                         *std::move(facts));
}

absl::StatusOr<ExecutorJournal> ExecutorJournal::TakeOver(
    Files& files, const std::string& path) {
  HOLDFAST_ASSIGN_OR_RETURN(std::unique_ptr<File> file,
                            OpenLocked(files, path));
  // Its writer may have died between a compaction's rename and the sync; what
  // is promised from now on must not be written to a file that a power cut
  // takes the name from.
  HOLDFAST_RETURN_IF_ERROR(files.SyncDirectory(DirectoryOf(path)));
  HOLDFAST_FAILPOINT(JournalTakenOver);
  return Replay(files, std::move(file), path);
}

absl::StatusOr<ExecutorJournal> ExecutorJournal::Inherit(
    Files& files, std::unique_ptr<File> file, const std::string& path) {
  HOLDFAST_RETURN_IF_ERROR(file->TryLock());  // no change where it is ours
  HOLDFAST_ASSIGN_OR_RETURN(const bool current, file->IsStillAt(path));
  if (!current) {
    return absl::FailedPreconditionError(
        absl::StrCat("inherit journal: ", path, " is another file"));
  }
  return Replay(files, std::move(file), path);
}

absl::StatusOr<ExecutorFacts> ExecutorJournal::Peek(Files& files,
                                                    const std::string& path) {
  bool has_writer;
  absl::StatusOr<ExecutorFacts> facts = PeekOnce(files, path, has_writer);
  timespec pause = kFirstPeekPause;
  bool is_certain = false;
  for (int i = 1; i < kPeekAttempts && has_writer && !is_certain; ++i) {
    // A frame is whole before the next one is written: who has seen that one
    // finds it so, or damaged, at once.
    const bool followed = IsFollowed(facts.status());
    if (!followed) {
      nanosleep(&pause, nullptr);
      pause.tv_nsec *= 2;
    }
    facts = PeekOnce(files, path, has_writer);
    is_certain = followed && IsFollowed(facts.status());
  }
  if (!facts.ok()) return Annotate(facts.status(), Reading(path));
  return facts;
}

absl::Status ExecutorJournal::Record(
    absl::Span<const v1::JournalRecord> records) {
  if (records.empty()) return absl::OkStatus();
  HOLDFAST_RETURN_IF_ERROR(records.size() == 1 ? RecordOne(records.front())
                                               : RecordTogether(records));
  CompactIfWorthIt();
  return absl::OkStatus();
}

absl::Status ExecutorJournal::Record(const v1::JournalRecord& record) {
  return Record(absl::MakeConstSpan(&record, 1));
}

absl::Status ExecutorJournal::RecordOne(const v1::JournalRecord& record) {
  HOLDFAST_RETURN_IF_ERROR(facts_.Check(record));
  HOLDFAST_RETURN_IF_ERROR(
      Annotate(journal_.Append({record.SerializeAsString()}), path_));
  return facts_.Apply(record);
}

// Several may build on each other, so they are tried on a copy; there are few
// such calls in an executor's life.
absl::Status ExecutorJournal::RecordTogether(
    absl::Span<const v1::JournalRecord> records) {
  ExecutorFacts staged = facts_;
  for (const v1::JournalRecord& record : records) {
    HOLDFAST_RETURN_IF_ERROR(staged.Apply(record));
  }
  HOLDFAST_RETURN_IF_ERROR(
      Annotate(journal_.Append(Serialized(records)), path_));
  facts_ = std::move(staged);
  return absl::OkStatus();
}

v1::StatusUpdate ExecutorJournal::Complete(v1::StatusUpdate update,
                                           uint64_t offset) const {
  const v1::Intent& intent = facts_.intent;
  const auto fill = [](std::string* id, const std::string& with) {
    if (id->empty()) *id = with;
  };
  fill(update.mutable_framework_id(), intent.framework_id());
  fill(update.mutable_executor_id(), intent.executor_id());
  fill(update.mutable_agent_id(), intent.agent_id());
  fill(update.mutable_container_id(), intent.container_id());
  if (update.uuid().empty()) update.set_uuid(RandomUuid());
  update.set_sequence(facts_.last_sequence + 1 + offset);
  return update;
}

absl::StatusOr<v1::StatusUpdate> ExecutorJournal::AppendUpdate(
    v1::StatusUpdate update) {
  const std::string& task_id = update.status().task_id();
  const TaskFacts* task = facts_.FindTask(task_id);
  if (task == nullptr) {
    return absl::NotFoundError(absl::StrCat("update: no task ", task_id));
  }
  if (facts_.FindUpdate(update.uuid()) != nullptr) {
    return absl::AlreadyExistsError(
        absl::StrCat("update ", update.uuid(), ": it is stored"));
  }
  if (task->IsTerminal()) {
    return absl::FailedPreconditionError(
        absl::StrCat("update: task ", task_id, " has ended"));
  }
  v1::JournalRecord record;
  *record.mutable_update() = Complete(std::move(update));
  HOLDFAST_RETURN_IF_ERROR(Record(record));
  return std::move(*record.mutable_update());
}

absl::Status ExecutorJournal::Acknowledge(absl::string_view uuid,
                                          absl::Time now) {
  const v1::StatusUpdate* update = facts_.FindUpdate(uuid);
  if (update == nullptr) {
    return absl::NotFoundError(
        absl::StrCat("acknowledge ", uuid, ": no such update"));
  }
  if (facts_.IsAcknowledged(uuid)) return absl::OkStatus();
  const TaskFacts& task = *facts_.FindTask(update->status().task_id());
  const std::string& next = task.updates[task.acknowledged].uuid();
  if (uuid != next) {
    return absl::FailedPreconditionError(
        absl::StrCat("acknowledge ", uuid, ": ", next, " comes first"));
  }
  v1::JournalRecord record;
  record.mutable_acknowledged()->set_uuid(std::string(uuid));
  *record.mutable_acknowledged()->mutable_time() = ToProto(now);
  return Record(record);
}

absl::Status ExecutorJournal::ReopenIfFailed() {
  if (!journal_.failed()) return absl::OkStatus();
  // It may be a compaction's last step that failed.
  HOLDFAST_RETURN_IF_ERROR(files_->SyncDirectory(DirectoryOf(path_)));
  const absl::StatusOr<std::vector<std::string>> payloads = journal_.Reopen();
  if (!payloads.ok()) return Annotate(payloads.status(), Reading(path_));
  HOLDFAST_ASSIGN_OR_RETURN(facts_, ReplayFacts(*payloads));
  return absl::OkStatus();
}

void ExecutorJournal::CompactIfWorthIt() {
  if (journal_.used_bytes() < consider_at_) return;
  const std::vector<v1::JournalRecord> records = facts_.Condensed();
  size_t bytes = 0;
  for (const v1::JournalRecord& record : records) {
    bytes += record.ByteSizeLong();
  }
  if (bytes < journal_.used_bytes() / 2) {
    if (absl::Status status = CompactTo(records); !status.ok()) {
      Log(Severity::kWarning, "journal not compacted",
          {{"path", path_}, {"error", status.ToString()}});
    }
  }
  // Thought about again when that much has come to it, so that what it costs
  // stays in proportion.
  consider_at_ = std::max(kWorthConsideringBytes, 2 * journal_.used_bytes());
}

absl::Status ExecutorJournal::CompactTo(
    absl::Span<const v1::JournalRecord> records) {
  HOLDFAST_ASSIGN_OR_RETURN(ExecutorFacts condensed,
                            ExecutorFacts::From(records));
  HOLDFAST_RETURN_IF_ERROR(
      journal_.Compact(*files_, path_, Serialized(records)));
  facts_ = std::move(condensed);
  return absl::OkStatus();
}

}  // namespace holdfast
