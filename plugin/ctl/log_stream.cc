#include "plugin/ctl/log_stream.h"

#include <unistd.h>

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "base/errors.h"
#include "plugin/ctl/failure.h"
#include "plugin/ctl/task.h"

namespace holdfast::ctl {

absl::Status LogStream::Copy() {
  request_.set_follow(false);
  return Read([] {});
}

absl::Status LogStream::Follow(Absence& absence) {
  request_.set_follow(true);
  return absence.Outlast([&]() -> absl::Status {
    // A silent task's stream says nothing for hours: this tells at once that
    // the agent is back, and has the task.
    HOLDFAST_RETURN_IF_ERROR(
        GetTask(client_, {request_.framework_id(), request_.task_id()})
            .status());
    absence.Over();
    return Read([&] { absence.Over(); });
  });
}

absl::Status LogStream::Read(absl::FunctionRef<void()> heard) {
  absl::Status taken;
  HOLDFAST_RETURN_IF_ERROR(client_.Read(&Client::Stub::Logs, request_,
                                        [&](const v1::LogsResponse& response) {
                                          heard();
                                          taken = Take(response);
                                          return taken.ok();
                                        }));
  return taken;
}

absl::Status LogStream::Take(const v1::LogsResponse& response) {
  const bool is_stderr = response.stream() == v1::LogsResponse::STDERR;
  if (response.skipped_bytes() > 0) {
    Say(absl::StrCat(response.skipped_bytes(), " bytes of ",
                     is_stderr ? "stderr" : "stdout",
                     " were rotated away before they were read"));
  }
  const uint64_t written =
      is_stderr ? request_.stderr_offset() : request_.stdout_offset();
  const uint64_t end = response.offset() + response.data().size();
  if (end <= written) return absl::OkStatus();
  absl::string_view bytes = response.data();
  if (response.offset() < written)
    bytes.remove_prefix(written - response.offset());
  if (is_stderr) {
    request_.set_stderr_offset(end);
  } else {
    request_.set_stdout_offset(end);
  }
  return sink_(is_stderr ? STDERR_FILENO : STDOUT_FILENO, bytes);
}

}  // namespace holdfast::ctl
