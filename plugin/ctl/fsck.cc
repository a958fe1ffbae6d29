// fsck: whether a checkpoint can be read, whoever runs on it or nobody.
#include "plugin/recovery/fsck.h"

#include <sysexits.h>

#include "absl/strings/str_cat.h"
#include "base/errors.h"
#include "plugin/ctl/commands.h"
#include "plugin/ctl/directories.h"
#include "plugin/ctl/failure.h"
#include "plugin/ctl/json_output.h"
#include "plugin/ctl/output.h"
#include "plugin/ctl/table.h"

namespace holdfast::ctl {
namespace {

using Finding = v1::FsckReport::Finding;

std::string AsText(const Finding& finding) {
  std::string text = absl::StrCat(v1::FsckReport::Kind_Name(finding.kind()),
                                  "  ", OneLine(finding.file()));
  if (finding.has_offset_bytes()) {
    absl::StrAppend(&text, ", at byte ", finding.offset_bytes());
  }
  absl::StrAppend(&text, "\n  what:  ", OneLine(finding.what()), "\n");
  if (!finding.moved_to().empty()) {
    absl::StrAppend(&text, "  moved: ", OneLine(finding.moved_to()), "\n");
  } else {
    absl::StrAppend(&text, "  cure:  ", finding.cure(), "\n");
  }
  if (!finding.refusal().empty()) {
    absl::StrAppend(&text, "  not moved: ", OneLine(finding.refusal()), "\n");
  }
  return text;
}

std::string AsText(const v1::FsckReport& report) {
  std::string text;
  size_t damaged = 0;
  size_t moved = 0;
  for (const Finding& finding : report.findings()) {
    if (finding.kind() == v1::FsckReport::DAMAGE) ++damaged;
    if (!finding.moved_to().empty()) ++moved;
    absl::StrAppend(&text, AsText(finding));
  }
  absl::StrAppend(&text, report.work_dir(), ": ", report.records(),
                  " records, ", report.journals(), " good journals, ", damaged,
                  " damaged");
  if (report.repair()) absl::StrAppend(&text, ", ", moved, " moved aside");
  return text + "\n";
}

}  // namespace

absl::StatusOr<int> Fsck(Invocation& invocation) {
  bool repair = false;
  Directories directories;
  OptionParser parser(invocation.globals);
  parser.AddFlag(0, "repair", &repair);
  directories.AddOptions(parser);
  HOLDFAST_ASSIGN_OR_RETURN(const auto operands,
                            parser.Parse(invocation.argc, invocation.argv));
  HOLDFAST_RETURN_IF_ERROR(ExpectNone(operands));
  const absl::StatusOr<Layout> layout = directories.Resolve();
  const absl::StatusOr<v1::FsckReport> report =
      layout.ok() ? CheckAll(SystemFiles(), *layout, repair)
                  : absl::StatusOr<v1::FsckReport>(layout.status());
  if (!report.ok()) {
    Say(report.status().message());
    return EX_NOINPUT;  // not 1: that says damaged
  }
  HOLDFAST_RETURN_IF_ERROR(Print(
      invocation.globals.format == OutputFormat::kJson ? JsonText(*report)
                                                       : AsText(*report)));
  return IsDamaged(*report) ? kExitFailed : 0;
}

}  // namespace holdfast::ctl
