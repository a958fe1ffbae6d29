#include "shim/containerd/process.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "api/time_convert.h"
#include "base/errors.h"
#include "base/log.h"

namespace holdfast::containerd {
namespace {

task::Status ToProtoState(TaskState state) {
  switch (state) {
    case TaskState::kCreated:
      return task::CREATED;
    case TaskState::kRunning:
      return task::RUNNING;
    case TaskState::kPaused:
      return task::PAUSED;
    case TaskState::kStopped:
      return task::STOPPED;
  }
  return task::UNKNOWN;
}

// containerd 1.6, where it finds a task that ended while it was away, waits for
// it and then takes the readers of its output away, whatever is left; all
// within 10 s.
constexpr absl::Duration kReadersTimeout = absl::Seconds(8);
constexpr absl::Duration kReadersPatience = absl::Seconds(1);

}  // namespace

Process::~Process() {
  if (exit_) AnswerWaiters();
  for (Answer<task::WaitResponse>& waiter : waiters_) {
    waiter(absl::NotFoundError(absl::StrCat(id(), ": deleted")));
  }
}

const std::string& Process::id() const {
  return names_.exec_id.empty() ? names_.container_id : names_.exec_id;
}

void Process::Made(pid_t pid) {
  pid_ = pid;
  not_started_ = false;
  // It cannot have come to mean another one: Children reaps it, from the loop.
  absl::StatusOr<Pidfd> pidfd = Pidfd::Open(pid);
  if (pidfd.ok()) pidfd_ = *std::move(pidfd);
}

absl::Status Process::Signal(int signal) const {
  if (exit_) return absl::NotFoundError("process already finished");
  if (pid_ == 0) return absl::FailedPreconditionError("process not created");
  if (!pidfd_) return absl::NotFoundError("process already finished");
  const absl::Status sent = pidfd_.Signal(signal);
  if (absl::IsNotFound(sent)) {
    return absl::NotFoundError("process already finished");
  }
  // Unknown to the caller, as what the OCI runtime says.
  if (!sent.ok()) return absl::UnknownError(sent.message());
  return absl::OkStatus();
}

void Process::Ended(const ChildExit& exit) {
  exit_ = exit;
  state_ = TaskState::kStopped;
  pidfd_ = Pidfd();
  if (io_) io_->ProcessEnded();
  AnswerWaiters();
}

void Process::NotStarted() {
  not_started_ = true;
  CloseIo();
  AnswerWaiters();
}

void Process::AnswerWaiters() {
  for (Answer<task::WaitResponse>& waiter : std::exchange(waiters_, {})) {
    waiter(ToResponse());
  }
}

void Process::Await(Answer<task::WaitResponse> answer) {
  const bool is_over = exit_ || not_started_;
  const bool is_read = io_ == nullptr || io_->AreReadersDone();
  if (is_over && is_read) return answer(ToResponse());
  const bool begins = is_over && waiters_.empty();
  waiters_.push_back(std::move(answer));
  if (!begins) return;
  io_->AwaitReaders(kReadersTimeout, kReadersPatience,
                    [this] { AnswerWaiters(); });
}

task::WaitResponse Process::ToResponse() const {
  task::WaitResponse response;
  if (exit_) {
    response.set_exit_status(exit_->status());
    *response.mutable_exited_at() = ToProto(exit_->at);
  }
  return response;
}

task::StateResponse Process::Describe() const {
  task::StateResponse response;
  response.set_id(id());
  response.set_bundle(names_.bundle);
  response.set_pid(static_cast<uint32_t>(pid_));
  response.set_status(ToProtoState(state_));
  response.set_stdin(names_.in);
  response.set_stdout(names_.out);
  response.set_stderr(names_.err);
  response.set_terminal(names_.terminal);
  if (exit_) {
    response.set_exit_status(exit_->status());
    *response.mutable_exited_at() = ToProto(exit_->at);
  }
  return response;
}

task::DeleteResponse Process::DescribeEnd() const {
  task::DeleteResponse response;
  response.set_pid(static_cast<uint32_t>(pid_));
  if (exit_) {
    response.set_exit_status(exit_->status());
    *response.mutable_exited_at() = ToProto(exit_->at);
  }
  return response;
}

absl::Status Process::OpenIo(EventLoop& loop, ProcessIoRequest request,
                             const std::string& scratch_directory) {
  HOLDFAST_ASSIGN_OR_RETURN(io_, ProcessIo::Open(loop, request));
  if (!names_.terminal) return absl::OkStatus();
  HOLDFAST_ASSIGN_OR_RETURN(console_,
                            ConsoleSocket::Create(loop, scratch_directory));
  console_->Await([this](absl::StatusOr<UniqueFd> master) {
    absl::Status attached = master.status();
    if (attached.ok()) attached = io_->AttachConsole(*std::move(master));
    if (!attached.ok()) {
      Log(Severity::kError, attached.ToString(), {{"id", id()}});
    }
    console_.reset();
  });
  return absl::OkStatus();
}

std::string Process::console_socket() const {
  return console_ ? console_->path() : "";
}

void Process::CloseIo() {
  console_.reset();
  io_.reset();
  if (exit_) AnswerWaiters();
}

}  // namespace holdfast::containerd
