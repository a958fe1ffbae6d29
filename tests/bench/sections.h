#pragma once

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "tests/bench/figures.h"

namespace holdfast::bench {

// How much of everything is measured.
struct Options {
  std::string bin_dir;
  std::string parent_dir;  // of the temporary directory: the disk measured
  size_t idle_executors = 200;
  absl::Duration idle_time = absl::Seconds(30);
  int launches = 200;
  int burst = 640;
  int in_flight = 32;
  std::vector<int> recovery_sizes = {100, 300, 1000, 3000};
  int recovery_runs = 5;
  int updates = 300;
  std::string containerd = "1.6";    // of build/peers
  std::string oci_runtime = "runc";  // for both shims
  int containerd_tasks = 200;
  int containerd_launches = 40;  // and execs, and in each run of many
  int containerd_runs = 5;
};

// Each makes an agent of its own and leaves nothing.

// What a shim, and the plugin, cost while nothing happens.
absl::Status MeasureIdle(const Options& options, Figures& figures);
// LaunchTask to a running process, all durable: one at a time, and many.
absl::Status MeasureLaunch(const Options& options, Figures& figures);
// KillTask to the terminal update at the orchestrator.
absl::Status MeasureKill(const Options& options, Figures& figures);
// Exec of the plugin to every living executor attached.
absl::Status MeasureRecovery(const Options& options, Figures& figures);
// From a custom executor's update, and from the end of a command's process, to
// the orchestrator's stream.
absl::Status MeasureUpdates(const Options& options, Figures& figures);
// Our shim beside the stock one, under the same containerd and with the same
// OCI runtime: idle, launch, exec, many at a time, restarts of containerd.
absl::Status MeasureContainerd(const Options& options, Figures& figures);
// NotFound: what it needs is not here, and which.
absl::Status ContainerdIsThere(const Options& options);

}  // namespace holdfast::bench
