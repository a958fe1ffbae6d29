#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace grpc {
class Status;
}

namespace holdfast::ctl {

// What holdfastctl exits with. `run` and `wait` exit as the task did instead,
// which may be any number; packaging/man/holdfastctl.1 has the table.
inline constexpr int kExitFailed = 1;
inline constexpr int kExitUsage = 64;        // EX_USAGE
inline constexpr int kExitUnreachable = 69;  // EX_UNAVAILABLE
inline constexpr int kExitTimeout = 124;     // as timeout(1)
inline constexpr int kExitLaunchFailed = 125;
inline constexpr int kExitNotExecutable = 126;
inline constexpr int kExitNotFound = 127;
inline constexpr int kExitSignalBase = 128;

// The command line is wrong.
absl::Status UsageError(absl::string_view text);
// Somebody asked for --help: not an error, but it ends a command as one does.
absl::Status HelpAsked();
bool IsUsageError(const absl::Status& status);
bool IsHelpAsked(const absl::Status& status);

// Nobody answers at `path`: connect(2) said `error_number`.
absl::Status Unreachable(absl::string_view path, int error_number);

// An agent's answer: its text followed by its reason, or by its code where it
// gave none: "no such task (TASK_UNKNOWN)". A connection that broke becomes
// Unavailable, whatever gRPC made of it.
absl::Status FromGrpc(const grpc::Status& status);

// google.rpc.ErrorInfo's reason, "" without one, and its metadata.
std::string Reason(const absl::Status& status);
std::string ErrorMetadata(const absl::Status& status, const std::string& key);
// google.rpc.RetryInfo's delay, zero without one.
absl::Duration RetryDelay(const absl::Status& status);

// No connection stands: nobody answered, or it broke.
bool IsDisconnected(const absl::Status& status);
// Disconnected, answered with UNAVAILABLE or not in time: trying again can
// help, and every call of the API may be repeated.
bool IsAway(const absl::Status& status);

// "kill t-1: " before what the agent said. An agent that cannot be reached is
// no matter of t-1's, and help is none at all: those stay as they are.
absl::Status About(const absl::Status& status, absl::string_view what);

int ExitCodeOf(const absl::Status& status);

// One line on stderr: "holdfastctl: …".
void Say(absl::string_view text);

}  // namespace holdfast::ctl
