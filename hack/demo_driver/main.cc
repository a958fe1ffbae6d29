// holdfast-demo: 50 executors, an agent that is killed, and what became of
// them. Exit: 0 all promises held, 1 one did not, 2 it could not be tried,
// 130 interrupted. hack/demo builds and runs it.

#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_format.h"
#include "absl/strings/strip.h"
#include "hack/demo_driver/demo_run.h"
#include "hack/demo_driver/report.h"
#include "hack/demo_driver/verdicts.h"
#include "hack/local_agent/interrupt.h"
#include "hack/local_agent/local_agent.h"
#include "hack/local_agent/processes.h"

namespace holdfast::hack {
namespace {

constexpr char kUsage[] =
    "usage: holdfast-demo [--keep]\n"
    "  --keep  leave the temporary directory (logs, journals) for a look\n";

int Fail(const absl::Status& status) {
  if (absl::IsCancelled(status)) {
    absl::FPrintF(stderr, "interrupted\n");
    return 130;
  }
  absl::FPrintF(stderr, "holdfast-demo: %s\n", status.ToString());
  return 2;
}

// Tries it, shows it, judges it.
int Demonstrate(LocalAgent& agent, const std::string& bin_dir) {
  DemoRun run({.bin_dir = bin_dir}, agent);
  const absl::StatusOr<Observations> seen = run.Run();
  if (!seen.ok()) return Fail(seen.status());
  absl::PrintF("%s%s", FormatTasks(*seen), FormatVerdicts(*seen));
  const std::vector<Verdict> verdicts = Judge(*seen);
  const bool held =
      std::all_of(verdicts.begin(), verdicts.end(),
                  [](const Verdict& verdict) { return verdict.held; });
  return held ? 0 : 1;
}

int Main(bool keep) {
  if (geteuid() != 0) {
    absl::FPrintF(stderr, "holdfast-demo: cgroups need root: sudo hack/demo\n");
    return 2;
  }
  CatchInterrupts();
  if (const absl::Status status = AdoptOrphans(); !status.ok())
    return Fail(status);
  const std::string bin_dir =
      std::filesystem::read_symlink("/proc/self/exe").parent_path().string();
  absl::StatusOr<std::unique_ptr<LocalAgent>> agent =
      LocalAgent::Create({.name = "holdfast-demo", .bin_dir = bin_dir});
  if (!agent.ok()) return Fail(agent.status());

  const int result = Demonstrate(**agent, bin_dir);

  const absl::Status swept = (*agent)->Sweep(keep);
  ReapOrphans();
  if (keep) absl::PrintF("\nkept: %s\n", (*agent)->directory());
  if (!swept.ok()) return Fail(swept);
  return result;
}

}  // namespace
}  // namespace holdfast::hack

int main(int argc, char** argv) {
  bool keep = false;
  for (int i = 1; i < argc; ++i) {
    if (absl::string_view(argv[i]) != "--keep") {
      const bool asked = absl::string_view(argv[i]) == "--help";
      fputs(holdfast::hack::kUsage, asked ? stdout : stderr);
      return asked ? 0 : 2;
    }
    keep = true;
  }
  return holdfast::hack::Main(keep);
}
