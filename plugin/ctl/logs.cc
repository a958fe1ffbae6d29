#include "absl/strings/str_cat.h"
#include "base/errors.h"
#include "plugin/ctl/absence.h"
#include "plugin/ctl/commands.h"
#include "plugin/ctl/failure.h"
#include "plugin/ctl/log_stream.h"
#include "plugin/ctl/output.h"

namespace holdfast::ctl {

absl::StatusOr<int> Logs(Invocation& invocation) {
  v1::LogsRequest request;
  bool follow = false;
  bool only_stdout = false;
  bool only_stderr = false;
  OptionParser parser(invocation.globals);
  parser.AddFlag('f', "follow", &follow);
  parser.AddFlag(0, "stdout", &only_stdout);
  parser.AddFlag(0, "stderr", &only_stderr);
  parser.AddText(0, "framework", request.mutable_framework_id());
  HOLDFAST_ASSIGN_OR_RETURN(const auto operands,
                            parser.Parse(invocation.argc, invocation.argv));
  HOLDFAST_RETURN_IF_ERROR(ExpectOne(operands, "TASK_ID"));
  request.set_task_id(operands.front());
  request.set_stdout_only(only_stdout && !only_stderr);
  request.set_stderr_only(only_stderr && !only_stdout);

  HOLDFAST_ASSIGN_OR_RETURN(Client client, ConnectToAgent(invocation.globals));
  LogStream stream(client, request, WriteAll);
  Absence absence(invocation.globals.timeout);
  const absl::Status status = follow ? stream.Follow(absence) : stream.Copy();
  if (!status.ok()) {
    return About(status, absl::StrCat("logs ", request.task_id()));
  }
  return 0;
}

}  // namespace holdfast::ctl
