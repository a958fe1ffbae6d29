// An executor that runs any number of tasks at once, as an example of
// shim/client/executor_driver.h. A task is a line for /bin/sh: its `data`, or
// the value of its `command`. What the shim starts it with is all that it
// needs.
#include <errno.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/wait.h>

#include <map>
#include <memory>
#include <string>
#include <thread>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "base/errors.h"
#include "base/event_loop.h"
#include "base/log.h"
#include "base/pidfd.h"
#include "shim/client/executor_driver.h"

namespace holdfast {
namespace {

constexpr absl::Duration kGraceOfASignal = absl::Seconds(5);

// A shell in a process group of its own, with none of our descriptors or of
// our signals' dispositions.
absl::StatusOr<Pidfd> StartShell(const std::string& line) {
  posix_spawnattr_t attributes;
  posix_spawn_file_actions_t actions;
  posix_spawnattr_init(&attributes);
  posix_spawn_file_actions_init(&actions);
  sigset_t all, none;
  sigfillset(&all);
  sigemptyset(&none);
  posix_spawnattr_setsigdefault(&attributes, &all);
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP |
                                            POSIX_SPAWN_SETSIGDEF |
                                            POSIX_SPAWN_SETSIGMASK);
  posix_spawn_file_actions_addclosefrom_np(&actions, 3);
  std::string argument = line;
  char name[] = "sh";
  char option[] = "-c";
  char* const argv[] = {name, option, argument.data(), nullptr};
  pid_t pid = -1;
  const int error_number =
      posix_spawn(&pid, "/bin/sh", &actions, &attributes, argv, environ);
  posix_spawn_file_actions_destroy(&actions);
  posix_spawnattr_destroy(&attributes);
  if (error_number != 0) return ErrnoStatus(error_number, "spawn", "/bin/sh");
  return Pidfd::Open(pid);
}

// Where the driver's calls become processes. All but the loop's Post belongs
// to the loop's thread.
class MultiTaskExecutor {
 public:
  MultiTaskExecutor(EventLoop& loop, ExecutorDriver& driver)
      : loop_(loop), driver_(driver) {}

  void Launch(const v1::TaskInfo& info) {
    const std::string& id = info.task_id();
    const std::string& line =
        info.data().empty() ? info.command().value() : info.data();
    if (line.empty()) {
      return driver_.SendUpdate(id, v1::TASK_ERROR, "neither data nor command");
    }
    absl::StatusOr<Pidfd> process = StartShell(line);
    if (!process.ok()) {
      return driver_.SendUpdate(id, v1::TASK_FAILED,
                                process.status().ToString());
    }
    const int fd = process->fd();
    tasks_[id] = {.process = *std::move(process)};
    const absl::Status watched =
        loop_.Watch(fd, EPOLLIN, [this, id](uint32_t) { OnEnd(id); });
    if (!watched.ok())
      Log(Severity::kError, watched.ToString(), {{"task", id}});
    driver_.SendUpdate(id, v1::TASK_RUNNING);
    if (shutting_down_) Kill(id, kGraceOfASignal);
  }

  void Kill(const std::string& id, absl::Duration grace_period) {
    const auto found = tasks_.find(id);
    if (found == tasks_.end()) return;  // its end crossed the kill
    Task& task = found->second;
    task.is_killed = true;
    SignalGroup(task, SIGTERM);
    loop_.Cancel(task.kill_timer);
    task.kill_timer = loop_.After(
        grace_period, [this, id] { SignalGroup(tasks_.at(id), SIGKILL); });
  }

  void Shutdown(absl::Duration grace_period) {
    shutting_down_ = true;
    for (const auto& [id, task] : tasks_) Kill(id, grace_period);
    StopWhenAllEnded();
  }

 private:
  struct Task {
    Pidfd process;
    bool is_killed = false;
    EventLoop::TimerId kill_timer = 0;
  };

  // The number is the group's as long as its leader is not reaped, and no task
  // that was reaped is among ours.
  static void SignalGroup(const Task& task, int signal) {
    kill(-task.process.pid(), signal);
  }

  void OnEnd(const std::string& id) {
    auto ended = tasks_.extract(id);
    const Task& task = ended.mapped();
    loop_.Cancel(task.kill_timer);
    loop_.Unwatch(task.process.fd());
    SignalGroup(task, SIGKILL);  // what the shell left behind
    siginfo_t end = {};
    if (waitid(P_PIDFD, static_cast<id_t>(task.process.fd()), &end, WEXITED) !=
        0) {
      driver_.SendUpdate(id, v1::TASK_FAILED,
                         absl::StrCat("waitid: ", strerrordesc_np(errno)));
    } else {
      SayEnd(id, end, task.is_killed);
    }
    StopWhenAllEnded();
  }

  void SayEnd(const std::string& id, const siginfo_t& end, bool is_killed) {
    if (end.si_code == CLD_EXITED) {
      const v1::TaskState state = is_killed            ? v1::TASK_KILLED
                                  : end.si_status == 0 ? v1::TASK_FINISHED
                                                       : v1::TASK_FAILED;
      return driver_.SendUpdate(id, state,
                                absl::StrCat("exit code ", end.si_status));
    }
    // A shutdown's SIGTERM goes to all of our processes, and one of theirs may
    // have ended before we have read ours.
    const bool is_kill = is_killed || end.si_status == SIGTERM;
    driver_.SendUpdate(id, is_kill ? v1::TASK_KILLED : v1::TASK_FAILED,
                       absl::StrCat("signal ", end.si_status));
  }

  void StopWhenAllEnded() {
    if (shutting_down_ && tasks_.empty()) driver_.Stop();
  }

  EventLoop& loop_;
  ExecutorDriver& driver_;
  std::map<std::string, Task> tasks_;
  bool shutting_down_ = false;
};

// SIGTERM, as a descriptor: it must not end us before our tasks' ends are
// said. Before there are threads, which inherit the mask.
absl::StatusOr<UniqueFd> TakeSigterm() {
  sigset_t terminate;
  sigemptyset(&terminate);
  sigaddset(&terminate, SIGTERM);
  sigprocmask(SIG_BLOCK, &terminate, nullptr);
  UniqueFd fd(signalfd(-1, &terminate, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!fd) return ErrnoStatus(errno, "signalfd", "SIGTERM");
  return fd;
}

absl::Status RunExecutor() {
  HOLDFAST_ASSIGN_OR_RETURN(const UniqueFd sigterm, TakeSigterm());
  HOLDFAST_ASSIGN_OR_RETURN(const std::unique_ptr<EventLoop> loop,
                            EventLoop::Create());
  std::unique_ptr<MultiTaskExecutor> executor;
  ExecutorDriver::Handlers handlers;
  handlers.launch = [&](const v1::TaskInfo& task) {
    loop->Post([&, task] { executor->Launch(task); });
  };
  handlers.kill = [&](const std::string& id, absl::Duration grace_period) {
    loop->Post([&, id, grace_period] { executor->Kill(id, grace_period); });
  };
  handlers.shutdown = [&](absl::Duration grace_period) {
    loop->Post([&, grace_period] { executor->Shutdown(grace_period); });
  };
  HOLDFAST_ASSIGN_OR_RETURN(
      const std::unique_ptr<ExecutorDriver> driver,
      ExecutorDriver::FromEnvironment(std::move(handlers)));
  executor = std::make_unique<MultiTaskExecutor>(*loop, *driver);
  HOLDFAST_RETURN_IF_ERROR(loop->Watch(sigterm.get(), EPOLLIN, [&](uint32_t) {
    signalfd_siginfo info;
    (void)!read(sigterm.get(), &info, sizeof info);  // that it came is all
    executor->Shutdown(kGraceOfASignal);
  }));
  std::thread tasks([&] { loop->Run(); });
  absl::Status ended = driver->Run();
  loop->Stop();
  tasks.join();
  return ended;
}

}  // namespace
}  // namespace holdfast

int main() {
  holdfast::SetLogProgram("multi_task_executor");
  const absl::Status ended = holdfast::RunExecutor();
  if (ended.ok()) return 0;
  holdfast::Log(holdfast::Severity::kError, ended.ToString());
  return 1;
}
