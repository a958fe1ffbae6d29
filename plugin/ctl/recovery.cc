// recovery and recover --plan: what a start of the agent found and decided, or
// would.
#include <sysexits.h>

#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "api/time_convert.h"
#include "base/boot_id.h"
#include "base/errors.h"
#include "plugin/ctl/commands.h"
#include "plugin/ctl/directories.h"
#include "plugin/ctl/failure.h"
#include "plugin/ctl/format.h"
#include "plugin/ctl/json_output.h"
#include "plugin/ctl/output.h"
#include "plugin/ctl/table.h"
#include "plugin/recovery/damage.h"
#include "plugin/recovery/recovery_plan.h"

namespace holdfast::ctl {
namespace {

using Report = v1::GetRecoveryResponse;

std::string Took(const google::protobuf::Duration& took) {
  return absl::FormatDuration(
      absl::Trunc(FromProto(took), absl::Microseconds(1)));
}

std::string StateOf(const Report& report) {
  if (!report.plan()) return report.complete() ? "complete" : "RECOVERING";
  return report.complete() ? "a plan: nothing was changed"
                           : "a plan: this start would be refused, exit code "
                             "65, and every executor would live on";
}

std::string Facts(const Report& report) {
  return Pairs({
      {"recovery", StateOf(report)},
      {"mode", absl::StrCat(report.mode(),
                            ", strict=", report.strict() ? "true" : "false")},
      {"started", FormatTime(report.start_time())},
      {"took", report.has_took() ? Took(report.took()) : ""},
      {"executors", absl::StrCat(report.executors_size())},
      {"damaged", absl::StrCat(report.damage_size())},
      {"orphans", absl::StrCat(report.orphans_size())},
  });
}

std::string Totals(const Report& report) {
  if (report.totals().empty()) return "";
  Table table({{"DECISION"}, {"REASON"}, {"COUNT", Table::Align::kRight}});
  for (const Report::Total& total : report.totals()) {
    table.AddRow({Report::Decision_Name(total.decision()), total.reason(),
                  absl::StrCat(total.count())});
  }
  return absl::StrCat("\n", table.Text());
}

std::string Executors(const Report& report) {
  if (report.executors().empty()) return "";
  Table table({{"CONTAINER"},
               {"EXECUTOR"},
               {"DECISION"},
               {"REASON"},
               {"TOOK", Table::Align::kRight},
               {"EVIDENCE"}});
  for (const Report::Executor& executor : report.executors()) {
    table.AddRow({executor.container_id(), executor.executor_id(),
                  Report::Decision_Name(executor.decision()), executor.reason(),
                  executor.has_took() ? Took(executor.took()) : "",
                  absl::StrJoin(executor.evidence(), "; ")});
  }
  return absl::StrCat("\n", table.Text());
}

std::string DamageLines(const Report& report) {
  if (report.damage().empty()) return "";
  std::vector<Damage> damage;
  for (const Report::Damage& one : report.damage()) {
    damage.push_back(FromProto(one));
    damage.back().what = OneLine(damage.back().what);
  }
  return absl::StrCat("\nDAMAGE\n", DamageText(damage));
}

std::string Orphans(const Report& report) {
  if (report.orphans().empty()) return "";
  Table table({{"ORPHAN"}, {"PIDS"}, {"ACTION"}, {"EXPLANATION"}});
  for (const Report::Orphan& orphan : report.orphans()) {
    table.AddRow({orphan.cgroup(), absl::StrJoin(orphan.pids(), ","),
                  orphan.action(), orphan.explanation()});
  }
  return absl::StrCat("\n", table.Text());
}

absl::Status PrintReport(const Report& report, OutputFormat format) {
  return Print(format == OutputFormat::kJson
                   ? JsonText(report)
                   : absl::StrCat(Facts(report), Totals(report),
                                  Executors(report), DamageLines(report),
                                  Orphans(report)));
}

absl::Status TakeBool(absl::string_view text, bool& value) {
  if (text != "true" && text != "false") {
    return UsageError(absl::StrCat("\"", text, "\" is neither true nor false"));
  }
  value = text == "true";
  return absl::OkStatus();
}

absl::Status TakeMode(absl::string_view text, RecoverMode& value) {
  for (const RecoverMode mode :
       {RecoverMode::kReconnect, RecoverMode::kCleanup}) {
    if (text != Name(mode)) continue;
    value = mode;
    return absl::OkStatus();
  }
  return UsageError(
      absl::StrCat("\"", text, "\" is neither reconnect nor cleanup"));
}

}  // namespace

absl::StatusOr<int> Recovery(Invocation& invocation) {
  OptionParser parser(invocation.globals);
  HOLDFAST_ASSIGN_OR_RETURN(const auto operands,
                            parser.Parse(invocation.argc, invocation.argv));
  HOLDFAST_RETURN_IF_ERROR(ExpectNone(operands));
  HOLDFAST_ASSIGN_OR_RETURN(Client client, ConnectToAgent(invocation.globals));
  const auto report =
      client.Call(&Client::Stub::GetRecovery, v1::GetRecoveryRequest());
  if (!report.ok()) return About(report.status(), invocation.argv[0]);
  HOLDFAST_RETURN_IF_ERROR(PrintReport(*report, invocation.globals.format));
  return 0;
}

absl::StatusOr<int> Recover(Invocation& invocation) {
  bool plan = false;
  std::string boot_id_file = "/proc/sys/kernel/random/boot_id";
  Directories directories;
  PlanOptions options;
  OptionParser parser(invocation.globals);
  parser.AddFlag(0, "plan", &plan);
  parser.Add(0, "strict", [&](absl::string_view text) {
    return TakeBool(text, options.strict);
  });
  parser.Add(0, "recover", [&](absl::string_view text) {
    return TakeMode(text, options.recover);
  });
  parser.AddText(0, "boot_id_file", &boot_id_file);
  directories.AddOptions(parser);
  HOLDFAST_ASSIGN_OR_RETURN(const auto operands,
                            parser.Parse(invocation.argc, invocation.argv));
  HOLDFAST_RETURN_IF_ERROR(ExpectNone(operands));
  if (!plan) {
    return UsageError(
        "needs --plan: it is holdfastd that recovers, when it "
        "starts");
  }
  HOLDFAST_ASSIGN_OR_RETURN(const Layout layout, directories.Resolve());
  HOLDFAST_ASSIGN_OR_RETURN(options.boot_id, ReadBootId(boot_id_file));
  options.cgroups_root = directories.cgroups_root;
  HOLDFAST_ASSIGN_OR_RETURN(const Report report,
                            PlanRecovery(SystemFiles(), layout, options));
  HOLDFAST_RETURN_IF_ERROR(PrintReport(report, invocation.globals.format));
  return report.complete() ? 0 : EX_DATAERR;
}

}  // namespace holdfast::ctl
