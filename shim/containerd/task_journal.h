#pragma once

#include <sys/types.h>

#include <memory>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "api/records.pb.h"
#include "shim/bundle/executor_journal.h"
#include "shim/containerd/children.h"

namespace holdfast::containerd {

// What is told of one container, in the journal that every executor has
// (api/records.proto): made with Create, gone with Delete. It is the authority
// over how the container ended, for whoever asks when its shim is no more.
class TaskJournal {
 public:
  // Makes `directory` with a journal in it that begins with `task`.
  // What a former task of that name left there is removed first; AlreadyExists:
  // its shim lives.
  static absl::StatusOr<TaskJournal> Create(const std::string& directory,
                                            const std::string& id,
                                            const v1::ContainerdTask& task,
                                            absl::Duration recovery_timeout,
                                            absl::Time now);

  // The runtime has made the container's init, which waits to be started.
  absl::Status Created(pid_t pid, absl::Time now);
  absl::Status Running(absl::Time now);
  // recovery_timeout passed; the kill follows.
  absl::Status Fenced(absl::Duration recovery_timeout, absl::Time now);
  absl::Status Ended(const ChildExit& exit, bool oom_killed);

  const ExecutorFacts& facts() const { return journal_->facts(); }

 private:
  explicit TaskJournal(ExecutorJournal journal)
      : journal_(std::make_unique<ExecutorJournal>(std::move(journal))) {}

  std::unique_ptr<ExecutorJournal> journal_;
};

}  // namespace holdfast::containerd
