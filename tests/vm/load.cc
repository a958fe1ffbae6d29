// vm_load SOCKET CONSOLE WORKERS TASKS: launches tasks, takes their updates and
// acknowledges them, as WORKERS frameworks at once, and tells the host of each
// step on CONSOLE (shown.h has the lines). TASKS each, then it ends; 0: until
// the power is cut.

#include <fcntl.h>
#include <stdlib.h>
#include <termios.h>
#include <unistd.h>

#include <cstdio>
#include <thread>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "base/errors.h"
#include "base/mutex.h"
#include "base/unique_fd.h"
#include "hack/local_agent/client.h"

namespace holdfast::vm {
namespace {

using hack::Client;
using hack::Stub;

constexpr absl::Duration kTimeout = absl::Minutes(2);

// The host answers each line with a byte: it knows the line before the load
// goes on, so that no later step can be on a disk of which the host has not
// heard the earlier one.
class HostConsole {
 public:
  static absl::StatusOr<std::unique_ptr<HostConsole>> Open(
      const std::string& path) {
    UniqueFd fd(open(path.c_str(), O_RDWR | O_NOCTTY | O_CLOEXEC));
    if (!fd) return ErrnoStatus(errno, "open", path);
    termios raw;
    if (tcgetattr(fd.get(), &raw) != 0)
      return ErrnoStatus(errno, "tcgetattr", path);
    cfmakeraw(&raw);
    if (tcsetattr(fd.get(), TCSANOW, &raw) != 0)
      return ErrnoStatus(errno, "tcsetattr", path);
    return std::unique_ptr<HostConsole>(new HostConsole(std::move(fd)));
  }

  absl::Status Tell(const std::string& line) ABSL_LOCKS_EXCLUDED(mutex_) {
    MutexLock lock(mutex_);
    const std::string bytes = absl::StrCat(line, "\n");
    const ssize_t size = static_cast<ssize_t>(bytes.size());
    if (write(fd_.get(), bytes.data(), bytes.size()) != size)
      return ErrnoStatus(errno, "write", "the console");
    char answer;
    if (read(fd_.get(), &answer, 1) != 1)
      return ErrnoStatus(errno, "read", "the console");
    return absl::OkStatus();
  }

 private:
  explicit HostConsole(UniqueFd fd) : fd_(std::move(fd)) {}

  Mutex mutex_;
  const UniqueFd fd_;
};

// One framework: task after task, of three kinds in turn.
class Worker {
 public:
  Worker(Client& client, HostConsole& host, std::string framework_id)
      : client_(client), host_(host), framework_id_(std::move(framework_id)) {}

  absl::Status Run(int tasks) {
    v1::RegisterFrameworkRequest request;
    request.mutable_framework()->set_framework_id(framework_id_);
    request.mutable_framework()->set_checkpoint(true);
    HOLDFAST_RETURN_IF_ERROR(
        client_.Call(&Stub::RegisterFramework, request, kTimeout).status());
    grpc::ClientContext context;
    v1::WatchUpdatesRequest watch;
    watch.set_framework_id(framework_id_);
    const auto stream = client_.stub().WatchUpdates(&context, watch);
    absl::Status status;
    for (int i = 0; (tasks == 0 || i < tasks) && status.ok(); ++i) {
      status = RunTask(*stream, i);
    }
    context.TryCancel();
    return status;
  }

 private:
  using Stream = grpc::ClientReader<v1::WatchUpdatesResponse>;

  // Ends by itself; runs on; is killed.
  absl::Status RunTask(Stream& stream, int number) {
    const std::string task_id = absl::StrCat(framework_id_, "-", number);
    const int kind = number % 3;
    v1::LaunchTaskRequest request;
    request.set_framework_id(framework_id_);
    request.mutable_task()->set_task_id(task_id);
    v1::CommandInfo& command = *request.mutable_task()->mutable_command();
    command.set_value(kind == 0 ? "true" : "sleep");
    if (kind != 0) command.add_arguments("1000");
    HOLDFAST_RETURN_IF_ERROR(
        client_.Call(&Stub::LaunchTask, request, kTimeout).status());
    HOLDFAST_RETURN_IF_ERROR(host_.Tell(absl::StrCat("launched ", task_id)));
    HOLDFAST_RETURN_IF_ERROR(TakeUpdate(stream));  // it runs
    if (kind == 1) return absl::OkStatus();
    if (kind == 2) {
      v1::KillTaskRequest kill;
      kill.set_framework_id(framework_id_);
      kill.set_task_id(task_id);
      HOLDFAST_RETURN_IF_ERROR(
          client_.Call(&Stub::KillTask, kill, kTimeout).status());
    }
    return TakeUpdate(stream);  // it has ended
  }

  absl::Status TakeUpdate(Stream& stream) {
    v1::WatchUpdatesResponse response;
    while (stream.Read(&response)) {
      if (response.has_update()) return Take(response.update());
    }
    return absl::UnavailableError("the stream has ended");
  }

  absl::Status Take(const v1::StatusUpdate& update) {
    const std::string which =
        absl::StrCat(update.status().task_id(), " ", update.uuid());
    HOLDFAST_RETURN_IF_ERROR(host_.Tell("shown " + which));
    HOLDFAST_RETURN_IF_ERROR(host_.Tell("acknowledging " + which));
    v1::AcknowledgeUpdateRequest request;
    request.set_framework_id(framework_id_);
    request.set_task_id(update.status().task_id());
    request.set_uuid(update.uuid());
    absl::Status acknowledged;
    do {
      acknowledged =
          client_.Call(&Stub::AcknowledgeUpdate, request, kTimeout).status();
    } while (Client::MayTryAgain(acknowledged));
    HOLDFAST_RETURN_IF_ERROR(acknowledged);
    return host_.Tell("acknowledged " + which);
  }

  Client& client_;
  HostConsole& host_;
  const std::string framework_id_;
};

absl::Status Main(const std::string& socket, const std::string& console,
                  int workers, int tasks) {
  HOLDFAST_ASSIGN_OR_RETURN(const std::unique_ptr<Client> client,
                            Client::Connect(socket, kTimeout));
  HOLDFAST_ASSIGN_OR_RETURN(const std::unique_ptr<HostConsole> host,
                            HostConsole::Open(console));
  std::vector<absl::Status> results(workers);
  std::vector<std::thread> threads;
  for (int i = 0; i < workers; ++i) {
    threads.emplace_back([&, i] {
      Worker worker(*client, *host, absl::StrCat("load", i));
      results[i] = worker.Run(tasks);
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (const absl::Status& result : results) {
    HOLDFAST_RETURN_IF_ERROR(result);
  }
  return absl::OkStatus();
}

}  // namespace
}  // namespace holdfast::vm

int main(int argc, char** argv) {
  int workers = 0;
  int tasks = 0;
  if (argc != 5 || !absl::SimpleAtoi(argv[3], &workers) ||
      !absl::SimpleAtoi(argv[4], &tasks)) {
    fputs("usage: vm_load SOCKET CONSOLE WORKERS TASKS\n", stderr);
    return 2;
  }
  const absl::Status status =
      holdfast::vm::Main(argv[1], argv[2], workers, tasks);
  if (!status.ok()) fprintf(stderr, "%s\n", status.ToString().c_str());
  return status.ok() ? 0 : 1;
}
