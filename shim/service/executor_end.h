#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "api/records.pb.h"
#include "base/event_loop.h"
#include "shim/bundle/executor_journal.h"
#include "shim/executor/process_group.h"
#include "shim/output/output_log.h"

namespace holdfast::shim {

// The end of one executor, from the exit of its first process to the terminal
// updates of its tasks: what it left in its group is killed until that is
// empty, what it left in its pipes is taken, and then its exit and the updates
// become durable together. A disk that refuses them is asked again, since they
// are known here alone.
class ExecutorEnd {
 public:
  // All of these outlive it.
  struct Executor {
    EventLoop& loop;
    ExecutorJournal& journal;
    const ProcessGroup& group;
    OutputLog& out;
    OutputLog& err;
    // <runtime_dir>/host-is-stopping, which the unit of the executors makes
    // when it is stopped with the machine.
    std::string host_stop_mark;
  };
  struct Events {
    // To be made durable, and told; see ExecutorJournal::Record.
    std::function<absl::Status(std::vector<v1::JournalRecord>)> record;
    std::function<void()> on_recorded;
    // From the loop afterwards: its output is durable, its group is removed.
    std::function<void()> on_over;
  };

  // `unrecorded_fence`: why it was ended, where the disk refused that record.
  ExecutorEnd(Executor executor, v1::Exited exited,
              std::optional<v1::JournalRecord> unrecorded_fence, Events events);
  ~ExecutorEnd();

  void Begin() { KillWhatIsLeft(); }

 private:
  void KillWhatIsLeft();
  void RecordEnd();
  void Finish();
  std::vector<v1::JournalRecord> Records() const;

  const Executor executor_;
  const v1::Exited exited_;
  const std::optional<v1::JournalRecord> unrecorded_fence_;
  const Events events_;
  EventLoop::TimerId retry_timer_ = 0;
  EventLoop::TimerId finish_timer_ = 0;
};

}  // namespace holdfast::shim
