#pragma once

#include <functional>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "plugin/metrics/measure.h"

namespace holdfast {

// Serves /metrics over HTTP until it is destroyed, on threads of its own
// (prometheus-cpp: the text form and the HTTP server are not ours to keep).
class MetricsServer {
 public:
  // From a thread of the server's, one at a time.
  using Measurer = std::function<Measure()>;

  // `address`: "HOST:PORT". FailedPrecondition: it cannot be listened on.
  static absl::StatusOr<std::unique_ptr<MetricsServer>> Start(
      const std::string& address, Measurer measurer);
  ~MetricsServer();

  // Where it listens: the one that was given, or the kernel's choice for 0.
  int port() const;

 private:
  class Source;
  struct Server;

  MetricsServer();

  std::shared_ptr<Source> source_;
  std::unique_ptr<Server> server_;
};

}  // namespace holdfast
