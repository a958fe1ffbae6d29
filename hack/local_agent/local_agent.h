#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "hack/local_agent/child_process.h"
#include "hack/local_agent/client.h"

namespace holdfast::hack {

// A holdfastd of our own: its directories under one temporary directory, its
// cgroups under a root of that name, nothing shared with an installed one.
class LocalAgent {
 public:
  struct Options {
    std::string name;     // of the temporary directory and the cgroup root
    std::string bin_dir;  // where holdfastd and holdfast-shim are
    std::string parent_dir = "/tmp";
    std::vector<std::string> flags = {};  // more of holdfastd's
  };

  static absl::StatusOr<std::unique_ptr<LocalAgent>> Create(Options options);
  ~LocalAgent();  // Sweep(), unless it was done
  LocalAgent(const LocalAgent&) = delete;
  LocalAgent& operator=(const LocalAgent&) = delete;

  // Starts holdfastd and connects anew: client() is another one from now on.
  // An agent that ends instead is an error with the end of its log.
  absl::Status Start();
  // Its first half: starts holdfastd and waits for nothing.
  absl::Status Spawn();
  // Its other half: until it serves.
  absl::Status Connect(absl::Duration timeout);
  // From holdfastd's start to the moment in which it had finished recovery
  // and `executors` of them were attached. DeadlineExceeded: they never were.
  absl::StatusOr<absl::Duration> WaitUntilRecovered(size_t executors,
                                                    absl::Duration timeout);
  // To the moment in which `executors` were settled, with whatever outcome and
  // whoever was still waited for.
  absl::StatusOr<absl::Duration> WaitUntilSettled(size_t executors,
                                                  absl::Duration timeout);
  absl::Status Signal(int signal) const { return process_->Signal(signal); }
  absl::Status KillHard();                   // SIGKILL, reaped
  absl::StatusOr<std::string> StopGently();  // SIGTERM; how it ended
  // How it ended by itself.
  absl::StatusOr<std::string> WaitForEnd(absl::Duration timeout);
  // More of holdfastd's, for the next starts; they replace the former ones.
  void SetFlags(std::vector<std::string> flags) {
    options_.flags = std::move(flags);
  }
  // "NAME=value", beside ours, for the next starts.
  void SetEnvironment(std::vector<std::string> variables) {
    environment_ = std::move(variables);
  }

  // Whatever still runs is killed, without the agent's help; then the cgroups
  // are removed, and the directory unless `keep`.
  absl::Status Sweep(bool keep);

  Client& client() { return *client_; }
  // Since the last start.
  bool connected() const { return client_ != nullptr; }
  pid_t pid() const { return process_ ? process_->pid() : 0; }
  const std::string& directory() const { return directory_; }
  std::string work_dir() const { return directory_ + "/work_dir"; }
  std::string runtime_dir() const { return directory_ + "/run"; }
  const std::string& cgroups_root() const { return cgroups_root_; }
  std::string log_path() const { return directory_ + "/agent.log"; }

 private:
  LocalAgent(Options options, std::string directory);
  std::string LogTail() const;
  absl::StatusOr<size_t> CountAttached();

  Options options_;
  std::vector<std::string> environment_;
  std::string directory_;
  std::string cgroups_root_;
  std::optional<ChildProcess> process_;
  absl::Time started_;
  std::unique_ptr<Client> client_;
  bool swept_ = false;
};

}  // namespace holdfast::hack
