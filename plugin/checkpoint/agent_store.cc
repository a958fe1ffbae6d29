#include "plugin/checkpoint/agent_store.h"

#include <time.h>

#include <algorithm>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "api/reasons.h"
#include "base/errors.h"
#include "base/failpoint.h"
#include "shim/records/damage_offset.h"
#include "shim/records/journal.h"

namespace holdfast {
namespace {

// A plugin that was just killed may be seen to hold its lock a moment longer:
// a child of it between fork and exec does.
constexpr int kLockTries = 20;
constexpr timespec kBetweenTries = {.tv_sec = 0, .tv_nsec = 50'000'000};

constexpr char kRecordSuffix[] = ".record";

absl::StatusOr<std::unique_ptr<File>> Lock(Files& files,
                                           const std::string& directory) {
  const std::string path = absl::StrCat(directory, "/lock");
  absl::StatusOr<std::unique_ptr<File>> file =
      files.Open(path, Files::Mode::kCreate);
  if (absl::IsAlreadyExists(file.status())) {
    file = files.Open(path, Files::Mode::kReadWrite);
  }
  if (!file.ok()) return file.status();
  for (int i = 0;; ++i) {
    const absl::Status locked = (*file)->TryLock();
    if (locked.ok()) return file;
    if (!absl::IsUnavailable(locked)) return locked;
    if (i == kLockTries) {
      return WithReason(
          absl::FailedPreconditionError(absl::StrCat(
              "another holdfastd uses ", directory, " (it holds ", path,
              "); stop it, or give this one a --work_dir and --runtime_dir of "
              "its own")),
          AgentStore::kInUse);
    }
    nanosleep(&kBetweenTries, nullptr);
  }
}

template <typename Record>
absl::StatusOr<Record> Load(Files& files, const std::string& path) {
  HOLDFAST_ASSIGN_OR_RETURN(std::unique_ptr<File> file,
                            files.Open(path, Files::Mode::kReadOnly));
  HOLDFAST_ASSIGN_OR_RETURN(const std::string content, file->ReadAll());
  absl::StatusOr<Journal::Parsed> parsed = Journal::Parse(content);
  if (!parsed.ok()) return Annotate(parsed.status(), path);
  Record record;
  if (parsed->payloads.size() != 1 ||
      !record.ParseFromString(parsed->payloads[0])) {
    return WithOffset(absl::DataLossError(absl::StrCat(
                          path, ": offset 4: not one whole record")),
                      4);
  }
  return record;
}

template <typename Record>
absl::Status Save(Files& files, const std::string& path, const Record& record) {
  const std::string payload = record.SerializeAsString();
  HOLDFAST_RETURN_IF_ERROR(Journal::Put(files, path, {payload}).status());
  HOLDFAST_RETURN_IF_ERROR(
      files.SyncDirectory(path.substr(0, path.rfind('/') + 1)));
  HOLDFAST_FAILPOINT(RecordSaved);
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::unique_ptr<AgentStore>> AgentStore::Open(Files& files,
                                                             Layout layout) {
  std::unique_ptr<AgentStore> store(new AgentStore(files, layout));
  for (const std::string& root : {layout.work_dir, layout.runtime_dir}) {
    HOLDFAST_RETURN_IF_ERROR(files.MakeDirectory(root, 0755));
    HOLDFAST_ASSIGN_OR_RETURN(std::unique_ptr<File> lock, Lock(files, root));
    store->locks_.push_back(std::move(lock));
  }
  HOLDFAST_RETURN_IF_ERROR(files.MakeDirectory(layout.Meta(), 0700));
  HOLDFAST_RETURN_IF_ERROR(files.MakeDirectory(layout.Frameworks(), 0700));
  for (const std::string& open_to_executors :
       {layout.Executors(true), layout.Executors(false), layout.Shims()}) {
    HOLDFAST_RETURN_IF_ERROR(files.MakeDirectory(open_to_executors, 0711));
  }
  HOLDFAST_RETURN_IF_ERROR(files.SyncDirectory(layout.Meta()));
  HOLDFAST_RETURN_IF_ERROR(files.SyncDirectory(layout.work_dir));
  return store;
}

absl::StatusOr<v1::AgentRecord> AgentStore::LoadAgent() const {
  return Load<v1::AgentRecord>(files_, layout_.AgentRecord());
}

absl::Status AgentStore::SaveAgent(const v1::AgentRecord& record) {
  return Save(files_, layout_.AgentRecord(), record);
}

absl::StatusOr<AgentStore::Frameworks> AgentStore::LoadFrameworks() const {
  HOLDFAST_ASSIGN_OR_RETURN(const std::vector<std::string> names,
                            files_.List(layout_.Frameworks()));
  Frameworks frameworks;
  for (const std::string& name : names) {
    // A temporary file of a replacement that never happened.
    if (!absl::EndsWith(name, kRecordSuffix)) continue;
    const std::string path = absl::StrCat(layout_.Frameworks(), "/", name);
    absl::StatusOr<v1::FrameworkRecord> record =
        Load<v1::FrameworkRecord>(files_, path);
    if (record.ok()) {
      frameworks.records.push_back(*std::move(record));
    } else {
      frameworks.damaged.push_back({path, record.status()});
    }
  }
  return frameworks;
}

absl::StatusOr<std::string> AgentStore::QuarantineFramework(
    const std::string& path) {
  const std::string directory = layout_.QuarantinedFrameworks();
  HOLDFAST_RETURN_IF_ERROR(files_.MakeDirectory(layout_.Quarantine(), 0700));
  HOLDFAST_RETURN_IF_ERROR(files_.MakeDirectory(directory, 0700));
  HOLDFAST_ASSIGN_OR_RETURN(const std::vector<std::string> taken,
                            files_.List(directory));
  const std::string name = path.substr(path.rfind('/') + 1);
  std::string free = name;
  for (int i = 1; std::binary_search(taken.begin(), taken.end(), free); ++i) {
    free = absl::StrCat(name, ".", i);
  }
  const std::string moved = absl::StrCat(directory, "/", free);
  HOLDFAST_RETURN_IF_ERROR(files_.Rename(path, moved));
  HOLDFAST_FAILPOINT(MovedAside);
  for (const std::string& changed : {directory, layout_.Quarantine(),
                                     layout_.work_dir, layout_.Frameworks()}) {
    HOLDFAST_RETURN_IF_ERROR(files_.SyncDirectory(changed));
  }
  return moved;
}

absl::Status AgentStore::SaveFramework(const v1::FrameworkRecord& record) {
  return Save(files_,
              layout_.FrameworkRecord(record.framework().framework_id()),
              record);
}

absl::Status AgentStore::RemoveFramework(const std::string& framework_id) {
  const absl::Status removed =
      files_.Remove(layout_.FrameworkRecord(framework_id));
  if (!removed.ok() && !absl::IsNotFound(removed)) return removed;
  HOLDFAST_FAILPOINT(FrameworkRemoved);
  return files_.SyncDirectory(layout_.Frameworks());
}

}  // namespace holdfast
