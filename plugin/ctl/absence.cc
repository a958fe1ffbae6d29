#include "plugin/ctl/absence.h"

#include <algorithm>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "base/clock.h"
#include "base/errors.h"
#include "plugin/ctl/failure.h"

namespace holdfast::ctl {
namespace {

constexpr absl::Duration kFirstPause = absl::Milliseconds(100);
constexpr absl::Duration kLongestPause = absl::Seconds(1);

// What makes one reason to wait another: not its words, which may name
// something new each time.
std::string Kind(const absl::Status& why) {
  if (IsDisconnected(why)) return "disconnected";
  return absl::StrCat(absl::StatusCodeToString(why.code()), Reason(why));
}

std::string Line(const absl::Status& why) {
  if (IsDisconnected(why)) {
    return "the agent is away; waiting for it to come back";
  }
  if (Reason(why) == "RECOVERING") {
    return "the agent is recovering; waiting for it";
  }
  return absl::StrCat("trying again: ", why.message());
}

}  // namespace

absl::Status Absence::Sleep(absl::Duration duration) {
  absl::SleepFor(duration);
  return absl::OkStatus();
}

absl::Status Absence::Outlast(absl::FunctionRef<absl::Status()> attempt) {
  for (;;) {
    const absl::Status status = attempt();
    if (!IsAway(status)) {
      Over();
      return status;
    }
    HOLDFAST_RETURN_IF_ERROR(Endure(status));
  }
}

absl::Status Absence::Endure(const absl::Status& why) {
  const absl::Duration now = SystemClock().SinceBoot();
  if (!since_) {
    since_ = now;
    next_ = kFirstPause;
    said_.clear();
  }
  if (std::string kind = Kind(why); kind != said_) {
    Say(Line(why));
    said_ = std::move(kind);
  }
  const absl::Duration pause = std::max(next_, RetryDelay(why));
  next_ = std::min(next_ * 2, kLongestPause);
  if (limit_ && now + pause - *since_ > *limit_) {
    return absl::DeadlineExceededError(absl::StrCat(
        "gave up after ", absl::FormatDuration(*limit_), ": ", why.message()));
  }
  return pause_(std::min(pause, kLongestPause));
}

}  // namespace holdfast::ctl
