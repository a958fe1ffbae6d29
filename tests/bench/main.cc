// holdfast-bench: what Holdfast costs, beside what the machine itself costs.
// JSON lines, then a table. Exit: 0 measured, 1 a door was not held (with
// --check_doors), 2 it could not be measured. hack/bench builds and runs it.

#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <string>
#include <vector>

#include "absl/algorithm/container.h"
#include "absl/flags/flag.h"
#include "absl/flags/parse.h"
#include "absl/flags/usage.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_format.h"
#include "base/errors.h"
#include "hack/local_agent/interrupt.h"
#include "hack/local_agent/processes.h"
#include "tests/bench/sections.h"
#include "tests/fakes/oci_runtimes.h"

namespace holdfast::bench {
static std::vector<std::string> AllSections() {
  return {"idle", "launch", "kill", "updates", "recovery", "containerd"};
}
}  // namespace holdfast::bench

ABSL_FLAG(std::vector<std::string>, sections, holdfast::bench::AllSections(),
          "what to measure, of: idle, launch, kill, updates, recovery, "
          "containerd");
ABSL_FLAG(int, idle_executors, 200, "idle executors");
ABSL_FLAG(absl::Duration, idle_time, absl::Seconds(30),
          "how long context switches are counted");
ABSL_FLAG(int, launches, 200, "launches, and kills, one at a time");
ABSL_FLAG(int, burst, 640, "launches with --in_flight at a time");
ABSL_FLAG(int, in_flight, 32, "launches at a time");
ABSL_FLAG(std::vector<std::string>, recovery,
          std::vector<std::string>({"100", "300", "1000", "3000"}),
          "living executors at the plugin's restart, growing");
ABSL_FLAG(int, runs, 5, "restarts at each size");
ABSL_FLAG(int, updates, 300,
          "updates of a custom executor, and tasks that end at once");
ABSL_FLAG(std::string, containerd, "1.6",
          "which of hack/containerd-peers' containerds: 1.6, 1.7, 2");
ABSL_FLAG(std::string, oci_runtime, "runc",
          "what both shims run their containers with: runc, or crun with "
          "--sections=containerd alone");
ABSL_FLAG(int, containerd_tasks, 200, "idle tasks of each shim under it");
ABSL_FLAG(int, containerd_launches, 40,
          "launches and execs of each, and tasks in each run of many");
ABSL_FLAG(int, containerd_runs, 5, "restarts of containerd, and runs of many");
ABSL_FLAG(std::string, directory, "/tmp",
          "where the agent's directory is made: the disk that is measured");
ABSL_FLAG(bool, check_doors, false, "exit 1 when a door is not held");

namespace holdfast::bench {
namespace {

struct Section {
  const char* name;
  absl::Status (*measure)(const Options&, Figures&);
};

constexpr Section kSections[] = {
    {"idle", MeasureIdle},         {"launch", MeasureLaunch},
    {"kill", MeasureKill},         {"updates", MeasureUpdates},
    {"recovery", MeasureRecovery}, {"containerd", MeasureContainerd}};

int Fail(const absl::Status& status) {
  absl::FPrintF(stderr, "holdfast-bench: %s\n", status.ToString());
  return 2;
}

// For crun this process may have to lose sight of the v2 tree, which what the
// other sections measure uses.
absl::Status PrepareFor(const std::string& oci_runtime) {
  if (oci_runtime == "runc") return absl::OkStatus();
  if (oci_runtime != "crun")
    return absl::InvalidArgumentError("--oci_runtime: no such: " + oci_runtime);
  const std::vector<std::string> alone = {"containerd"};
  if (absl::GetFlag(FLAGS_sections) != alone)
    return absl::InvalidArgumentError(
        "--oci_runtime=crun is for --sections=containerd alone");
  if (!HideUnifiedTreeFromCrun())
    return absl::PermissionDeniedError("mounts of one's own");
  return absl::OkStatus();
}

absl::StatusOr<Options> OptionsFromFlags() {
  Options options;
  options.bin_dir =
      std::filesystem::read_symlink("/proc/self/exe").parent_path().string();
  options.parent_dir = absl::GetFlag(FLAGS_directory);
  options.idle_executors = absl::GetFlag(FLAGS_idle_executors);
  options.idle_time = absl::GetFlag(FLAGS_idle_time);
  options.launches = absl::GetFlag(FLAGS_launches);
  options.burst = absl::GetFlag(FLAGS_burst);
  options.in_flight = absl::GetFlag(FLAGS_in_flight);
  options.recovery_runs = absl::GetFlag(FLAGS_runs);
  options.updates = absl::GetFlag(FLAGS_updates);
  options.containerd = absl::GetFlag(FLAGS_containerd);
  options.oci_runtime = absl::GetFlag(FLAGS_oci_runtime);
  options.containerd_tasks = absl::GetFlag(FLAGS_containerd_tasks);
  options.containerd_launches = absl::GetFlag(FLAGS_containerd_launches);
  options.containerd_runs = absl::GetFlag(FLAGS_containerd_runs);
  options.recovery_sizes.clear();
  for (const std::string& text : absl::GetFlag(FLAGS_recovery)) {
    int size = 0;
    if (!absl::SimpleAtoi(text, &size) || size <= 0)
      return absl::InvalidArgumentError("--recovery: not a number: " + text);
    options.recovery_sizes.push_back(size);
  }
  HOLDFAST_RETURN_IF_ERROR(PrepareFor(options.oci_runtime));
  return options;
}

// Nobody asked for this one by name, and it cannot be measured here; says why.
bool LeftOut(const std::string& name, const Options& options) {
  const bool asked_for = absl::GetFlag(FLAGS_sections) != AllSections();
  if (name != "containerd" || asked_for) return false;
  const absl::Status there = ContainerdIsThere(options);
  if (there.ok()) return false;
  absl::FPrintF(stderr,
                "holdfast-bench: left out containerd: there is no %s here; "
                "hack/containerd-peers gets it\n",
                there.message());
  return true;
}

int Main() {
  if (geteuid() != 0) {
    absl::FPrintF(stderr,
                  "holdfast-bench: cgroups need root: sudo hack/bench\n");
    return 2;
  }
  hack::CatchInterrupts();
  if (const absl::Status status = hack::AdoptOrphans(); !status.ok())
    return Fail(status);
  const absl::StatusOr<Options> options = OptionsFromFlags();
  if (!options.ok()) return Fail(options.status());

  Figures figures;
  for (const std::string& name : absl::GetFlag(FLAGS_sections)) {
    const auto section = absl::c_find_if(
        kSections, [&](const Section& known) { return known.name == name; });
    if (section == std::end(kSections))
      return Fail(absl::InvalidArgumentError("--sections: no such: " + name));
    if (LeftOut(name, *options)) continue;
    const absl::Status status = section->measure(*options, figures);
    if (!status.ok()) return Fail(status);
  }
  absl::PrintF("%s", figures.Table());
  return absl::GetFlag(FLAGS_check_doors) && !figures.AllHeld() ? 1 : 0;
}

}  // namespace
}  // namespace holdfast::bench

int main(int argc, char** argv) {
  absl::SetProgramUsageMessage("measures Holdfast; see hack/bench");
  absl::ParseCommandLine(argc, argv);
  return holdfast::bench::Main();
}
