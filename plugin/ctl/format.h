#pragma once

#include <cstdint>
#include <string>

#include "absl/time/time.h"
#include "api/orchestrator.pb.h"

namespace holdfast::ctl {

// What tables show; "" for what is not known.

// "7s", "12m", "3h", "9d": the largest unit that fits, rounded down.
std::string FormatAge(absl::Duration age);
// "64MiB" where it comes out even, otherwise "65537B".
std::string FormatBytes(uint64_t bytes);
// "2026-11-23T16:00:00Z".
std::string FormatTime(const google::protobuf::Timestamp& timestamp);
// "cpus 0.5, memory 64MiB, pids 32".
std::string FormatResources(const v1::Resources& resources);
// argv as a shell would read it back: "sh -c 'exit 7'".
std::string FormatCommand(
    const google::protobuf::RepeatedPtrField<std::string>& argv);

// How a Task or a TaskStatus ended: "0", "7", "SIGKILL", "SIGKILL (OOM)".
template <typename Ended>
std::string FormatEnd(const Ended& ended);

// "SIGTERM"; "signal 99" for one without a name.
std::string SignalName(int signal);

template <typename Ended>
std::string FormatEnd(const Ended& ended) {
  std::string end;
  if (ended.has_exit_code()) end = std::to_string(ended.exit_code());
  if (ended.has_signal()) end = SignalName(ended.signal());
  return ended.oom_killed() ? end + " (OOM)" : end;
}

}  // namespace holdfast::ctl
