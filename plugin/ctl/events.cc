#include <string>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "base/errors.h"
#include "plugin/ctl/absence.h"
#include "plugin/ctl/commands.h"
#include "plugin/ctl/failure.h"
#include "plugin/ctl/format.h"
#include "plugin/ctl/json_output.h"
#include "plugin/ctl/output.h"
#include "plugin/ctl/table.h"

namespace holdfast::ctl {
namespace {

// One line, in columns wide enough for most: a stream cannot be measured.
std::string AsRow(const v1::StatusUpdate& update) {
  const v1::TaskStatus& status = update.status();
  return absl::StrFormat(
      "%-20s  %-14s  %-24s  %-13s  %s\n", FormatTime(status.timestamp()),
      OneLine(v1::TaskState_Name(status.state())), OneLine(status.task_id()),
      FormatEnd(status), OneLine(status.message()));
}

constexpr char kHeader[] =
    "TIME                  STATE           TASK ID                   EXIT    "
    "       MESSAGE\n";

// The updates in their order, each once: after a restart the agent tells
// again what it told before.
class UpdatePrinter {
 public:
  UpdatePrinter(OutputFormat format, std::string framework_id)
      : json_(format == OutputFormat::kJson),
        framework_id_(std::move(framework_id)) {}

  absl::Status Begin() const {
    return json_ ? absl::OkStatus() : Print(kHeader);
  }

  absl::Status Take(const v1::WatchUpdatesResponse& response) {
    if (!response.has_update()) {
      return json_ ? Print(JsonLine(response)) : absl::OkStatus();
    }
    const v1::StatusUpdate& update = response.update();
    const bool is_asked_for =
        framework_id_.empty() || update.framework_id() == framework_id_;
    if (!is_asked_for || !seen_.insert(update.uuid()).second) {
      return absl::OkStatus();
    }
    return Print(json_ ? JsonLine(response) : AsRow(update));
  }

 private:
  bool json_;
  std::string framework_id_;
  absl::flat_hash_set<std::string> seen_;  // uuids
};

// Goes on from the last cursor. Acknowledged ones are asked for, too: what
// was acknowledged while we were not connected would be missing otherwise.
absl::Status Watch(Client& client, Absence& absence,
                   v1::WatchUpdatesRequest& request, UpdatePrinter& printer) {
  request.set_include_acknowledged(true);
  absl::Status printed;
  HOLDFAST_RETURN_IF_ERROR(
      client.Read(&Client::Stub::WatchUpdates, request,
                  [&](const v1::WatchUpdatesResponse& response) {
                    absence.Over();
                    printed = printer.Take(response);
                    if (!response.cursor().empty())
                      request.set_cursor(response.cursor());
                    return printed.ok();
                  }));
  HOLDFAST_RETURN_IF_ERROR(printed);
  if (request.snapshot_only()) return absl::OkStatus();
  return absl::UnavailableError("the stream of updates ended");
}

}  // namespace

absl::StatusOr<int> Events(Invocation& invocation) {
  v1::WatchUpdatesRequest request;  // of all frameworks: ends nobody's stream
  bool follow = false;
  std::string framework_id;
  OptionParser parser(invocation.globals);
  parser.AddFlag('f', "follow", &follow);
  parser.AddText(0, "from", request.mutable_cursor());
  parser.AddText(0, "framework", &framework_id);
  HOLDFAST_ASSIGN_OR_RETURN(const auto operands,
                            parser.Parse(invocation.argc, invocation.argv));
  HOLDFAST_RETURN_IF_ERROR(ExpectNone(operands));
  request.set_snapshot_only(!follow);

  HOLDFAST_ASSIGN_OR_RETURN(Client client, ConnectToAgent(invocation.globals));
  UpdatePrinter printer(invocation.globals.format, framework_id);
  HOLDFAST_RETURN_IF_ERROR(printer.Begin());
  Absence absence(invocation.globals.timeout);
  const auto watch = [&] { return Watch(client, absence, request, printer); };
  const absl::Status status = follow ? absence.Outlast(watch) : watch();
  if (!status.ok()) return About(status, "events");
  return 0;
}

}  // namespace holdfast::ctl
