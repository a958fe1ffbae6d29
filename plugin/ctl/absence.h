#pragma once

#include <functional>
#include <optional>
#include <string>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/time/time.h"

namespace holdfast::ctl {

// How a command outlasts its agent: it says once that the agent is away, or
// why else it must wait, and tries again after pauses that grow from 100 ms
// to 1 s.
class Absence {
 public:
  // Not OK: stop waiting, with this status.
  using Pause = std::function<absl::Status(absl::Duration)>;
  static absl::Status Sleep(absl::Duration duration);

  // `limit`: an absence that is longer ends in DeadlineExceeded.
  explicit Absence(std::optional<absl::Duration> limit, Pause pause = Sleep)
      : limit_(limit), pause_(std::move(pause)) {}

  // Until `attempt` ends in something else than an agent that is away.
  absl::Status Outlast(absl::FunctionRef<absl::Status()> attempt);

  // The agent has answered: the next absence is a new one.
  void Over() { since_.reset(); }

 private:
  absl::Status Endure(const absl::Status& why);

  std::optional<absl::Duration> limit_;
  Pause pause_;
  std::optional<absl::Duration> since_;  // of CLOCK_BOOTTIME
  absl::Duration next_;
  std::string said_;  // the kind of reason that was told last
};

}  // namespace holdfast::ctl
