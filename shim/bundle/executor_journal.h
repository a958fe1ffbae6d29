#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "api/records.pb.h"
#include "base/files.h"
#include "shim/bundle/executor_facts.h"
#include "shim/records/journal.h"

namespace holdfast {

// The authority over one executor: its journal together with what it says.
// What is recorded is durable first and a fact only then, so that facts() is
// never ahead of the disk. The durable queue of status updates is a part of
// it: an update is delivered at least once, in order, whichever of us dies,
// until the orchestrator acknowledged it.
class ExecutorJournal {
 public:
  // A new journal at `path`, locked, holding `intent`; it gets the name when it
  // is whole. AlreadyExists: there is one. The directory's entry is the
  // caller's to sync.
  static absl::StatusOr<ExecutorJournal> Create(Files& files,
                                                const std::string& path,
                                                const v1::Intent& intent);

  // The same in `empty`, which was made ahead and holds nothing, with one
  // durable write; `path` is the name that it is about to get.
  static absl::StatusOr<ExecutorJournal> Begin(Files& files, Journal empty,
                                               const std::string& path,
                                               const v1::Intent& intent);

  // Takes over the journal at `path` and syncs its directory, as its writer
  // may have died in a compaction. Unavailable: the writer lives (the lock is
  // held). DataLoss, FailedPrecondition: damaged, or written by a newer
  // version (a record of an unknown kind too); left as it was. NotFound.
  static absl::StatusOr<ExecutorJournal> TakeOver(Files& files,
                                                  const std::string& path);

  // The same from a descriptor that was inherited with its lock; its giver
  // has synced the directory. FailedPrecondition too: `path` names another
  // file.
  static absl::StatusOr<ExecutorJournal> Inherit(Files& files,
                                                 std::unique_ptr<File> file,
                                                 const std::string& path);

  // Reads without changing anything: while its writer lives the last record may
  // be missing. What looks damaged is read again where somebody has the lock,
  // for some 15 ms when it is the last frame; else once more with the lock.
  static absl::StatusOr<ExecutorFacts> Peek(Files& files,
                                            const std::string& path);

  // All of `records` or none become facts, durably, with one write. DataLoss:
  // one of them cannot follow (nothing was written). Others: Journal::Append.
  absl::Status Record(absl::Span<const v1::JournalRecord> records);
  absl::Status Record(const v1::JournalRecord& record);

  // An update with the next sequence and, where empty, a new uuid and the
  // container's ids; returned as it was stored. AlreadyExists: its uuid is
  // stored. FailedPrecondition: its task has ended. NotFound: no such task.
  absl::StatusOr<v1::StatusUpdate> AppendUpdate(v1::StatusUpdate update);

  // Durable acknowledgement. OK too when it was acknowledged already.
  // NotFound: no such update. FailedPrecondition: an older one of the same
  // task is unacknowledged.
  absl::Status Acknowledge(absl::string_view uuid, absl::Time now);

  // After a write that failed, and once the disk takes writes again, makes the
  // journal one that can be written: facts() are then what the disk says, with
  // or without what that write was to record. OK at once when none has failed.
  absl::Status ReopenIfFailed();

  // For a file that others damaged, cut short, replaced or removed: what is
  // there is kept beside it as "<path>.damaged-<n>", and the journal is written
  // anew from facts(), whose records were all durable once. Where the file is
  // as it was written nothing is done.
  struct Repaired {
    bool rewritten = false;
    std::string kept_as;  // empty: nothing was there
  };
  absl::StatusOr<Repaired> Repair();

  const ExecutorFacts& facts() const { return facts_; }
  const std::string& path() const { return path_; }
  // To be inherited by the shim, with the lock.
  int fd() { return journal_.file().fd(); }

  // Fills ids, sequence and uuid of an update that is about to be recorded
  // together with other records; `offset` such updates go before it.
  v1::StatusUpdate Complete(v1::StatusUpdate update, uint64_t offset = 0) const;

 private:
  ExecutorJournal(Files& files, Journal journal, std::string path,
                  ExecutorFacts facts);
  static absl::StatusOr<ExecutorJournal> Replay(Files& files,
                                                std::unique_ptr<File> file,
                                                const std::string& path);
  absl::Status RecordOne(const v1::JournalRecord& record);
  absl::Status RecordTogether(absl::Span<const v1::JournalRecord> records);
  absl::StatusOr<bool> IsWhole(absl::string_view content);
  void CompactIfWorthIt();
  absl::Status CompactTo(absl::Span<const v1::JournalRecord> records);

  Files* files_;
  Journal journal_;
  std::string path_;
  ExecutorFacts facts_;
  size_t consider_at_;  // the size from which compaction is thought about
};

}  // namespace holdfast
