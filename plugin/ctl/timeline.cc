// timeline: what has happened to a task, by time.
#include <utility>

#include "absl/strings/str_cat.h"
#include "api/time_convert.h"
#include "base/errors.h"
#include "plugin/ctl/commands.h"
#include "plugin/ctl/failure.h"
#include "plugin/ctl/json_output.h"
#include "plugin/ctl/output.h"
#include "plugin/ctl/table.h"

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
  v1::GetTimelineRequest request;
  OptionParser parser(invocation.globals);
  parser.AddText(0, "framework", request.mutable_framework_id());
  HOLDFAST_ASSIGN_OR_RETURN(const auto operands,
                            parser.Parse(invocation.argc, invocation.argv));
  HOLDFAST_RETURN_IF_ERROR(ExpectOne(operands, "TASK_ID"));
  request.set_task_id(operands.front());
  HOLDFAST_ASSIGN_OR_RETURN(Client client, ConnectToAgent(invocation.globals));
  const auto response = client.Call(&Client::Stub::GetTimeline, request);
  if (!response.ok()) {
    return About(response.status(),
                 absl::StrCat("timeline ", request.task_id()));
  }
  HOLDFAST_RETURN_IF_ERROR(
      Print(invocation.globals.format == OutputFormat::kJson
                ? JsonArray(response->events())
                : AsTable(*response)));
  return 0;
}

}  // namespace holdfast::ctl
