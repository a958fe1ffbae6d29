#pragma once

#include <sys/types.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "base/pidfd.h"
#include "shim/containerd/answer.h"
#include "shim/containerd/children.h"
#include "shim/containerd/console_socket.h"
#include "shim/containerd/process_io.h"
#include "shim/containerd/task_state.h"

namespace holdfast::containerd {

// One process of a container, as containerd knows it: the init, or an exec.
class Process {
 public:
  struct Names {
    std::string container_id;
    std::string exec_id;  // empty: the init
    std::string bundle;
    std::string in;
    std::string out;
    std::string err;
    bool terminal = false;
  };

  explicit Process(Names names) : names_(std::move(names)) {}
  // Those who wait for its end hear that it was deleted.
  ~Process();

  const Names& names() const { return names_; }
  // The exec's id, or the container's.
  const std::string& id() const;
  TaskState state() const { return state_; }
  void SetState(TaskState state) { state_ = state; }
  pid_t pid() const { return pid_; }  // 0: not made yet

  // It is our child, made by the runtime.
  void Made(pid_t pid);
  // FailedPrecondition: not made yet. NotFound: it has ended.
  absl::Status Signal(int signal) const;
  // Its end, known from here on; answers those who wait.
  void Ended(const ChildExit& exit);
  // The runtime did not start it: there is no end to wait for, and it may be
  // tried again.
  void NotStarted();
  // Of one that has ended: at once, unless there are readers that still take
  // its output.
  void Await(Answer<task::WaitResponse> answer);

  task::StateResponse Describe() const;
  task::DeleteResponse DescribeEnd() const;
  const std::optional<ChildExit>& exit() const { return exit_; }

  // Joins it with its stdio, and with a terminal makes the socket over which
  // the runtime sends it.
  absl::Status OpenIo(EventLoop& loop, ProcessIoRequest request,
                      const std::string& scratch_directory);
  ProcessIo* io() const { return io_.get(); }
  // Empty: it has no terminal.
  std::string console_socket() const;
  void CloseIo();

 private:
  void AnswerWaiters();
  task::WaitResponse ToResponse() const;

  const Names names_;
  TaskState state_ = TaskState::kCreated;
  pid_t pid_ = 0;
  Pidfd pidfd_;
  std::optional<ChildExit> exit_;
  bool not_started_ = false;
  std::vector<Answer<task::WaitResponse>> waiters_;
  std::unique_ptr<ProcessIo> io_;
  std::unique_ptr<ConsoleSocket> console_;
};

}  // namespace holdfast::containerd
