// timeline: what has happened to a task, by time.
#include "absl/strings/str_cat.h"
#include "api/time_convert.h"
#include "base/errors.h"
#include "plugin/ctl/commands.h"
#include "plugin/ctl/failure.h"
#include "plugin/ctl/found_row.h"
#include "plugin/ctl/json_output.h"
#include "plugin/ctl/output.h"
#include "plugin/ctl/table.h"
#include "plugin/ctl/task_choice.h"

namespace holdfast::ctl {
namespace {

// Events follow each other within milliseconds.
std::string Moment(const v1::TimelineEvent& event) {
  if (!event.has_time()) return "";
  return absl::FormatTime("%Y-%m-%dT%H:%M:%E3SZ", FromProto(event.time()),
                          absl::UTCTimeZone());
}

std::string AsTable(const v1::GetTimelineResponse& response) {
  Table table({{"TIME"}, {"EVENT"}, {"UPDATE"}, {"WHAT"}});
  for (const v1::TimelineEvent& event : response.events()) {
    table.AddRow({Moment(event), v1::TimelineEvent::Kind_Name(event.kind()),
                  event.uuid().substr(0, 8), event.message()});
  }
  return table.Text();
}

}  // namespace

absl::StatusOr<int> Timeline(Invocation& invocation) {
  TaskChoice choice;
  OptionParser parser(invocation.globals);
  choice.AddOptions(parser);
  HOLDFAST_ASSIGN_OR_RETURN(const auto operands,
                            parser.Parse(invocation.argc, invocation.argv));
  HOLDFAST_RETURN_IF_ERROR(choice.Take(operands));

  v1::GetTimelineRequest request;
  request.set_framework_id(choice.name().framework_id);
  request.set_task_id(choice.name().task_id);
  v1::GetTimelineResponse response;
  const absl::Status answered = choice.Answer(
      invocation.globals,
      [&](Client& client) -> absl::Status {
        HOLDFAST_ASSIGN_OR_RETURN(
            response, client.Call(&Client::Stub::GetTimeline, request));
        return absl::OkStatus();
      },
      [&](const FoundTask& task) -> absl::Status {
        HOLDFAST_ASSIGN_OR_RETURN(response, MakeTimeline(task));
        return absl::OkStatus();
      });
  if (!answered.ok()) {
    return About(answered, absl::StrCat("timeline ", operands.front()));
  }
  HOLDFAST_RETURN_IF_ERROR(
      Print(invocation.globals.format == OutputFormat::kJson
                ? JsonArray(response.events())
                : AsTable(response)));
  return 0;
}

}  // namespace holdfast::ctl
