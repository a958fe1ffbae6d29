#pragma once

#include <string>
#include <utility>

#include "absl/strings/string_view.h"

namespace holdfast {

// What a service of Type=notify says to systemd: lines of sd_notify(3), a
// datagram each to the socket that NOTIFY_SOCKET names.
class ServiceManager {
 public:
  // Takes the variable out of the environment, so that no child speaks for us;
  // before there are threads. Without it nothing is said.
  static ServiceManager FromEnvironment();

  // "READY=1", "STATUS=RECOVERING 212/300", "STOPPING=1"; several by newlines.
  // Never waits: what the manager does not take is logged, and forgotten.
  void Tell(absl::string_view lines) const;

 private:
  explicit ServiceManager(std::string socket) : socket_(std::move(socket)) {}

  std::string socket_;
};

}  // namespace holdfast
