#pragma once

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "base/pidfd.h"
#include "base/unique_fd.h"
#include "shim/containerd/io/io_uri.h"

namespace holdfast::containerd {

// A program that takes both outputs of a process, as containerd's loggers do:
// descriptor 3 is stdout, 4 stderr, and it closes 5 when it is ready. Its
// environment is CONTAINER_ID and CONTAINER_NAMESPACE alone, its arguments are
// those of the URI. It is our child; whoever reaps children reaps it.
class Logger {
 public:
  // NotFound: no such program. DeadlineExceeded: it has not said that it is
  // ready; it is killed.
  static absl::StatusOr<std::unique_ptr<Logger>> Start(
      const IoUri& uri, const std::string& id, const std::string& name_space,
      UniqueFd out, UniqueFd err, absl::Duration timeout);
  // SIGTERM, if it still runs.
  ~Logger();

  bool HasEnded() const { return process_.HasEnded(); }

 private:
  explicit Logger(Pidfd process) : process_(std::move(process)) {}

  Pidfd process_;
};

}  // namespace holdfast::containerd
