#include "shim/containerd/oci_command.h"

#include <signal.h>
#include <unistd.h>

#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "base/errors.h"
#include "base/files.h"
#include "shim/containerd/memory_file.h"
#include "shim/containerd/runtime_error.h"
#include "shim/containerd/spawn.h"

namespace holdfast::containerd {
namespace {

// Unlike any other's, of this process or of another that shares `directory`.
std::string NextPrefix(const std::string& directory) {
  static uint64_t number = 0;
  return absl::StrCat(directory, "/runtime-", getpid(), "-", ++number);
}

}  // namespace

absl::StatusOr<std::vector<std::string>> RuntimeCommandLine(
    const OciRuntime::Options& options, const std::string& log_file,
    const std::vector<std::string>& command) {
  HOLDFAST_ASSIGN_OR_RETURN(std::string program,
                            FindProgram(options.binary, SearchPath()));
  std::vector<std::string> words = {std::move(program)};
  if (!options.root.empty()) {
    words.insert(words.end(), {"--root", options.root});
  }
  if (!log_file.empty()) words.insert(words.end(), {"--log", log_file});
  words.insert(words.end(), {"--log-format", "json"});
  if (options.systemd_cgroup) words.emplace_back("--systemd-cgroup");
  words.insert(words.end(), command.begin(), command.end());
  return words;
}

OciCommand::OciCommand(EventLoop& loop, Children& children,
                       const OciRuntime::Options& options, std::string name,
                       std::string id)
    : loop_(loop),
      children_(children),
      options_(options),
      name_(std::move(name)),
      id_(std::move(id)),
      prefix_(NextPrefix(options.log_directory)) {}

OciCommand::~OciCommand() {
  if (pid_ > 0) {
    kill(pid_, SIGKILL);  // its pid is still its own: it is not reaped
    children_.Forget(pid_);
  }
  if (!log_file_.empty()) unlink(log_file_.c_str());
  if (!pid_file_.empty()) unlink(pid_file_.c_str());
}

const std::string& OciCommand::pid_file() {
  if (pid_file_.empty()) pid_file_ = absl::StrCat(prefix_, ".pid");
  return pid_file_;
}

absl::StatusOr<pid_t> OciCommand::ReadPidFile() {
  HOLDFAST_ASSIGN_OR_RETURN(const std::string text, ReadSmallFile(pid_file()));
  pid_t pid = 0;
  if (!absl::SimpleAtoi(text, &pid) || pid <= 0) {
    return absl::UnknownError(absl::StrCat("OCI runtime ", name_,
                                           " wrote no pid but \"", text, "\""));
  }
  return pid;
}

void OciCommand::Start(const std::vector<std::string>& words,
                       const StdioFds* stdio, absl::string_view input,
                       std::function<void(absl::Status)> ended) {
  ended_ = std::move(ended);
  if (stdio != nullptr) hold_.emplace(children_);  // it makes a process
  const absl::Status started = TryStart(words, stdio, input);
  if (started.ok()) return;
  loop_.Post([this, started, alive = std::weak_ptr<bool>(alive_)] {
    if (alive.expired()) return;
    End(absl::UnknownError(
        absl::StrCat("OCI runtime ", name_, " failed: ", started.message())));
  });
}

absl::Status OciCommand::TryStart(const std::vector<std::string>& words,
                                  const StdioFds* stdio,
                                  absl::string_view input) {
  if (stdio != nullptr) log_file_ = absl::StrCat(prefix_, ".log");
  HOLDFAST_ASSIGN_OR_RETURN(const std::vector<std::string> argv,
                            RuntimeCommandLine(options_, log_file_, words));
  if (stdio != nullptr) {
    HOLDFAST_ASSIGN_OR_RETURN(pid_,
                              Spawn(argv, stdio->in, stdio->out, stdio->err));
  } else {
    HOLDFAST_ASSIGN_OR_RETURN(const UniqueFd in, MemoryFile(input));
    HOLDFAST_ASSIGN_OR_RETURN(output_, MemoryFile());
    HOLDFAST_ASSIGN_OR_RETURN(pid_, Spawn(argv, in.get(), -1, output_.get()));
  }
  children_.Await(pid_, [this](const ChildExit& exit) {
    pid_ = -1;
    End(StatusOf(exit));
  });
  return absl::OkStatus();
}

void OciCommand::End(const absl::Status& status) {
  const auto ended = std::exchange(ended_, nullptr);
  ended(status);
}

absl::Status OciCommand::StatusOf(const ChildExit& exit) const {
  if (exit.status() == 0) return absl::OkStatus();
  // A command that did not get far has written no log.
  const std::string log = log_file_.empty()
                              ? ContentOf(output_.get())
                              : ReadSmallFile(log_file_).value_or("");
  return RuntimeStatus(name_, id_, exit, log);
}

}  // namespace holdfast::containerd
