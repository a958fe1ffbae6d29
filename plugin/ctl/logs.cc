#include <unistd.h>

#include "absl/strings/str_cat.h"
#include "base/errors.h"
#include "plugin/ctl/absence.h"
#include "plugin/ctl/commands.h"
#include "plugin/ctl/failure.h"
#include "plugin/ctl/log_stream.h"
#include "plugin/ctl/output.h"
#include "plugin/ctl/spooled_output.h"
#include "plugin/ctl/task_choice.h"

namespace holdfast::ctl {
namespace {

absl::Status CopySpools(const v1::LogsRequest& request, const FoundTask& task) {
  HOLDFAST_RETURN_IF_ERROR(task.facts.status());
  const std::string rest = WhereOutputGoes(task);
  if (request.follow()) {
    return absl::FailedPreconditionError(absl::StrCat(
        "what a task of containerd's writes is not followed here: ", rest));
  }
  uint64_t copied = 0;
  for (const int fd : {STDOUT_FILENO, STDERR_FILENO}) {
    const bool is_stdout = fd == STDOUT_FILENO;
    if (is_stdout ? request.stderr_only() : request.stdout_only()) continue;
    HOLDFAST_ASSIGN_OR_RETURN(
        const uint64_t bytes,
        CopySpool(absl::StrCat(task.directory, "/",
                               is_stdout ? "stdout" : "stderr", ".spool"),
                  [fd](absl::string_view data) { return WriteAll(fd, data); }));
    copied += bytes;
  }
  Say(absl::StrCat("logs ", task.ShortName(), ": ", rest, "; ", copied,
                   " bytes wait here to be read by it, behind those in its "
                   "FIFO (64 KiB at most)"));
  return absl::OkStatus();
}

absl::Status CopyLog(const Globals& globals, const v1::LogsRequest& request,
                     Client& client) {
  LogStream stream(client, request, WriteAll);
  Absence absence(globals.timeout);
  return request.follow() ? stream.Follow(absence) : stream.Copy();
}

}  // namespace

absl::StatusOr<int> Logs(Invocation& invocation) {
  TaskChoice choice;
  bool follow = false;
  bool only_stdout = false;
  bool only_stderr = false;
  OptionParser parser(invocation.globals);
  parser.AddFlag('f', "follow", &follow);
  parser.AddFlag(0, "stdout", &only_stdout);
  parser.AddFlag(0, "stderr", &only_stderr);
  choice.AddOptions(parser);
  HOLDFAST_ASSIGN_OR_RETURN(const auto operands,
                            parser.Parse(invocation.argc, invocation.argv));
  HOLDFAST_RETURN_IF_ERROR(choice.Take(operands));
  v1::LogsRequest request;
  request.set_framework_id(choice.name().framework_id);
  request.set_task_id(choice.name().task_id);
  request.set_follow(follow);
  request.set_stdout_only(only_stdout && !only_stderr);
  request.set_stderr_only(only_stderr && !only_stdout);

  const absl::Status answered = choice.Answer(
      invocation.globals,
      [&](Client& client) {
        return CopyLog(invocation.globals, request, client);
      },
      [&](const FoundTask& task) { return CopySpools(request, task); });
  if (!answered.ok()) {
    return About(answered, absl::StrCat("logs ", operands.front()));
  }
  return 0;
}

}  // namespace holdfast::ctl
