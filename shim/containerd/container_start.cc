// Containers: Exec, Start, Delete.

#include <signal.h>

#include <utility>

#include "absl/strings/str_cat.h"
#include "base/errors.h"
#include "base/files.h"
#include "base/log.h"
#include "shim/containerd/container.h"
#include "shim/containerd/mounts.h"
#include "shim/containerd/scratch_file.h"

namespace holdfast::containerd {
namespace {

// What a reader that is there may take to read what the init wrote.
constexpr absl::Duration kFlushTimeout = absl::Seconds(10);

}  // namespace

void Container::Start(const std::string& exec_id,
                      Answer<task::StartResponse> answer) {
  if (absl::Status there = Find(exec_id).status(); !there.ok()) {
    return answer(there);
  }
  QueueOf(exec_id).Add(
      [this, exec_id, answer = std::move(answer)](WorkQueue::Done done) {
        const absl::StatusOr<Process*> process = Find(exec_id);
        absl::Status can = process.status();
        if (can.ok()) can = CheckTakes((*process)->state(), TaskCall::kStart);
        if (can.ok() && !exec_id.empty()) {
          can = CheckTakes(init_.state(), TaskCall::kExec);
        }
        if (!can.ok()) {
          answer(can);
          return done();
        }
        const auto started = [done, answer](absl::Status status, pid_t pid) {
          task::StartResponse response;
          response.set_pid(static_cast<uint32_t>(pid));
          if (status.ok()) {
            answer(std::move(response));
          } else {
            answer(std::move(status));
          }
          done();
        };
        if (exec_id.empty()) {
          StartInit(started);
        } else {
          StartExec(**process, started);
        }
      });
}

WorkQueue& Container::QueueOf(const std::string& exec_id) {
  return exec_id.empty() ? work_ : *exec_work_.at(exec_id);
}

void Container::StartInit(Started started) {
  const auto on_started =
      [this, started = std::move(started)](const absl::Status& status) {
        if (status.ok()) OnInitStarted();
        started(status, init_.pid());
      };
  if (request_.checkpoint().empty()) return runtime_.Start(id(), on_started);
  runtime_.Run(RuntimeRestore(),
               [this, on_started](const absl::StatusOr<pid_t>& pid) {
                 init_.io()->CloseProcessEnds();
                 absl::Status made = pid.status();
                 if (made.ok()) made = OnMade(*pid);
                 on_started(made);
               });
}

void Container::OnInitStarted() {
  init_.SetState(TaskState::kRunning);
  // It runs, whatever the disk says.
  if (absl::Status recorded =
          journal_->Running(surroundings_.loop.clock().Now());
      !recorded.ok()) {
    Log(Severity::kError, recorded.ToString(), {{"id", id()}});
  }
  ::containerd::events::TaskStart event;
  event.set_container_id(id());
  event.set_pid(static_cast<uint32_t>(init_.pid()));
  Publish("/tasks/start", "TaskStart", event.SerializeAsString());
}

OciRuntime::Restore Container::RuntimeRestore() const {
  OciRuntime::Restore restore;
  static_cast<OciRuntime::Create&>(restore) = RuntimeCreate();
  restore.image_path = request_.checkpoint();
  restore.work_path = options_.criu_work_path.empty() ? CriuWorkDirectory()
                                                      : options_.criu_work_path;
  restore.criu_flags = options_.criu_flags;
  return restore;
}

void Container::Exec(const task::ExecProcessRequest& request,
                     Answer<Empty> answer) {
  if (request.exec_id().empty() ||
      request.exec_id().find('/') != std::string::npos) {
    return answer(absl::InvalidArgumentError(absl::StrCat(
        "exec id \"", request.exec_id(), "\": must be a name without \"/\"")));
  }
  if (execs_.count(request.exec_id()) != 0) {
    return answer(
        absl::AlreadyExistsError(absl::StrCat("id ", request.exec_id())));
  }
  if (absl::Status can = CheckTakes(init_.state(), TaskCall::kExec);
      !can.ok()) {
    return answer(can);
  }
  if (absl::Status written = WriteExecSpec(request); !written.ok()) {
    return answer(absl::UnknownError(written.message()));
  }
  Process::Names names;
  names.container_id = id();
  names.exec_id = request.exec_id();
  names.bundle = request_.bundle();
  names.in = request.stdin();
  names.out = request.stdout();
  names.err = request.stderr();
  names.terminal = request.terminal();
  execs_[request.exec_id()] = std::make_unique<Process>(std::move(names));
  exec_work_[request.exec_id()] =
      std::make_unique<WorkQueue>(surroundings_.loop);
  ::containerd::events::TaskExecAdded event;
  event.set_container_id(id());
  event.set_exec_id(request.exec_id());
  Publish("/tasks/exec-added", "TaskExecAdded", event.SerializeAsString());
  answer(Empty());
}

std::string Container::ExecSpecFile(absl::string_view exec_id) const {
  return absl::StrCat(request_.bundle(), "/", exec_id, "-process.json");
}

// For the runtime, which wants a file.
absl::Status Container::WriteExecSpec(const task::ExecProcessRequest& request) {
  HOLDFAST_ASSIGN_OR_RETURN(
      const std::string spec,
      ExecSpec(request.spec().value(), request.terminal()));
  return WriteScratchFile(ExecSpecFile(request.exec_id()), spec);
}

void Container::StartExec(Process& process, Started started) {
  const std::string exec_id = process.names().exec_id;
  if (absl::Status opened = process.OpenIo(
          surroundings_.loop, IoRequest(process), request_.bundle());
      !opened.ok()) {
    process.NotStarted();
    return started(absl::UnknownError(opened.message()), 0);
  }
  OciRuntime::Exec exec;
  exec.id = id();
  exec.process_file = ExecSpecFile(exec_id);
  exec.stdio = {process.io()->process_in(), process.io()->process_out(),
                process.io()->process_err()};
  exec.console_socket = process.console_socket();
  starting_execs_.insert(exec_id);
  runtime_.Run(exec, [this, exec_id, started = std::move(started)](
                         const absl::StatusOr<pid_t>& pid) {
    starting_execs_.erase(exec_id);
    const auto found = execs_.find(exec_id);
    if (found == execs_.end()) {  // the container was deleted meanwhile
      return started(absl::NotFoundError("container deleted"), 0);
    }
    Process& made = *found->second;
    made.io()->CloseProcessEnds();
    if (!pid.ok()) {
      made.NotStarted();
      started(pid.status(), 0);
      return CheckAllEnded();
    }
    OnExecStarted(made, *pid);
    started(absl::OkStatus(), *pid);
  });
}

void Container::OnExecStarted(Process& process, pid_t pid) {
  const std::string exec_id = process.names().exec_id;
  process.Made(pid);
  process.SetState(TaskState::kRunning);
  // It may have come after what killed the others.
  if (ending_) (void)process.Signal(SIGKILL);
  ::containerd::events::TaskExecStarted event;
  event.set_container_id(id());
  event.set_exec_id(exec_id);
  event.set_pid(static_cast<uint32_t>(pid));
  Publish("/tasks/exec-started", "TaskExecStarted", event.SerializeAsString());
  surroundings_.children.Await(pid, [this, exec_id](const ChildExit& exit) {
    OnExecEnded(exec_id, exit);
  });
}

void Container::Delete(const std::string& exec_id,
                       Answer<task::DeleteResponse> answer) {
  if (absl::Status there = Find(exec_id).status(); !there.ok()) {
    return answer(there);
  }
  QueueOf(exec_id).Add([this, exec_id,
                        answer = std::move(answer)](WorkQueue::Done done) {
    const absl::StatusOr<Process*> process = Find(exec_id);
    absl::Status can = process.status();
    if (can.ok()) can = CheckTakes((*process)->state(), TaskCall::kDelete);
    if (!can.ok()) {
      answer(can);
      return done();
    }
    const auto remove = [this, exec_id, done, answer] {
      if (!exec_id.empty()) {
        DeleteExec(exec_id, answer);
        return done();
      }
      DeleteInit(done, answer);
    };
    const bool has_written = (*process)->exit() && (*process)->io() != nullptr;
    if (!has_written) return remove();
    (*process)->io()->Flush(kFlushTimeout, remove);
  });
}

void Container::DeleteExec(const std::string& exec_id,
                           const Answer<task::DeleteResponse>& answer) {
  const auto node = execs_.extract(exec_id);
  exec_work_.erase(exec_id);
  surroundings_.events.Forget(id(), exec_id);
  (void)SystemFiles().Remove(ExecSpecFile(exec_id));  // of the bundle
  answer(node.mapped()->DescribeEnd());
}

void Container::DeleteInit(WorkQueue::Done done,
                           Answer<task::DeleteResponse> answer) {
  const bool ended = init_.state() == TaskState::kStopped;
  runtime_.Delete(id(), /*force=*/!ended,
                  [this, done, answer](const absl::Status& deleted) {
                    // What its runtime does not know any more is gone.
                    if (!deleted.ok() && !absl::IsNotFound(deleted)) {
                      answer(deleted);
                      return done();
                    }
                    AfterEnd([this, answer] { Remove(answer); });
                  });
}

// The last of it. Nothing is to be done after the answer: whoever gets it
// destroys this.
void Container::Remove(const Answer<task::DeleteResponse>& answer) {
  if (absl::Status gone = UnmountAll(RootfsDirectory()); !gone.ok()) {
    Log(Severity::kError, gone.ToString(), {{"id", id()}});
  }
  surroundings_.events.ForgetAll(id());
  const task::DeleteResponse response = init_.DescribeEnd();
  ::containerd::events::TaskDelete event;
  event.set_container_id(id());
  event.set_pid(response.pid());
  event.set_exit_status(response.exit_status());
  if (response.has_exited_at()) {
    *event.mutable_exited_at() = response.exited_at();
  }
  Publish("/tasks/delete", "TaskDelete", event.SerializeAsString());
  init_.CloseIo();
  ForgetExecs();
  RemoveTaskDirectory();
  answer(response);
}

}  // namespace holdfast::containerd
