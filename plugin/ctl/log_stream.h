#pragma once

#include <cstdint>
#include <functional>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "api/orchestrator.pb.h"
#include "plugin/ctl/absence.h"
#include "plugin/ctl/client.h"

namespace holdfast::ctl {

// A task's output on our stdout and stderr, each byte once: it counts what
// has been written and goes on from there, whatever happens to the agent.
class LogStream {
 public:
  // Takes bytes for STDOUT_FILENO or STDERR_FILENO; WriteAll is one.
  using Sink = std::function<absl::Status(int fd, absl::string_view bytes)>;

  LogStream(Client& client, v1::LogsRequest request, Sink sink)
      : client_(client), request_(std::move(request)), sink_(std::move(sink)) {}

  // What is there now, by one try. An error is the sink's, too.
  absl::Status Copy();

  // Until the executor has ended and all is written. NotFound: the agent came
  // back without the task.
  absl::Status Follow(Absence& absence);

 private:
  absl::Status Read(absl::FunctionRef<void()> heard);
  absl::Status Take(const v1::LogsResponse& response);

  Client& client_;
  v1::LogsRequest request_;  // its offsets: what has been written
  Sink sink_;
};

}  // namespace holdfast::ctl
