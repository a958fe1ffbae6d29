#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace holdfast::containerd {

enum class Action {
  kStart,    // makes or finds the server, prints its address
  kDelete,   // removes what is left of a task, prints how it ended
  kVersion,  // -v
  kInfo,     // -info
  kServe,    // no action: the server itself, which `start` has made
};

// How containerd calls a shim:
//   containerd-shim-holdfast-v2 -namespace NS -address SOCKET
//     -publish-binary PATH -id ID [-bundle PATH] [-debug] start|delete
// in the bundle's directory. Flags are Go's: one dash or two, "-id x" or
// "-id=x". Those that we do not know are passed over, with their values: newer
// daemons have more. We do not need -publish-binary nor -debug.
struct Invocation {
  Action action = Action::kServe;
  std::string name_space;
  std::string id;
  std::string address;  // containerd's gRPC socket
  std::string bundle;   // empty: the current directory
  // Ours alone, from `start` to the server.
  std::string group;  // empty: the task is alone in it
  std::string socket;
};

// An id or a namespace, safe as a component of a path. InvalidArgument: it is
// not what containerd takes for one; `what` is named.
absl::Status CheckName(absl::string_view what, absl::string_view name);

// InvalidArgument, saying which: an unknown action, a flag without its value,
// no namespace or id where one is needed, or one that is no plain name.
absl::StatusOr<Invocation> ParseInvocation(int argc, char** argv);

}  // namespace holdfast::containerd
