#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include <cstdio>
#include <functional>
#include <memory>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "base/errors.h"
#include "base/files.h"
#include "hack/local_agent/interrupt.h"
#include "hack/local_agent/processes.h"
#include "tests/bench/containerd/daemon.h"
#include "tests/bench/process_cost.h"
#include "tests/bench/sections.h"

namespace holdfast::bench {
namespace {

constexpr int kInFlight = 8;
// After the last launch has died down.
constexpr absl::Duration kSettle = absl::Seconds(3);

// What our shim may cost of what the stock shim does, or must do of it.
constexpr double kMemoryDoor = 0.125;
constexpr double kLaunchDoor = 0.75;
constexpr double kThroughputDoor = 1.3;
constexpr double kRecoveryDoor = 1.0;
constexpr double kExecDoor = 0.8;

// The two, measured in turns, so that a busy machine is slow for both.
struct Pair {
  std::unique_ptr<ContainerdDaemon> ours;
  std::unique_ptr<ContainerdDaemon> stock;
};

struct PairedSamples {
  Samples ours;
  Samples stock;
};

// One sample of each, `n` times; who is first changes.
absl::StatusOr<PairedSamples> InTurns(
    Pair& pair, int n,
    const std::function<absl::StatusOr<double>(ContainerdDaemon&)>& measure) {
  PairedSamples samples;
  for (int i = 0; i < 2 * n; ++i) {
    if (hack::Interrupted()) return absl::CancelledError("interrupted");
    const bool is_ours = (i + i / 2) % 2 == 0;
    HOLDFAST_ASSIGN_OR_RETURN(const double sample,
                              measure(is_ours ? *pair.ours : *pair.stock));
    (is_ours ? samples.ours : samples.stock).Add(sample);
  }
  return samples;
}

Figure ContainerdFigure(const std::string& name, const std::string& unit,
                        Figure figure, double stock) {
  figure.section = "containerd";
  figure.name = name;
  figure.unit = unit;
  figure.floor = Floor{"stock shim", stock};
  return figure;
}

// Ours, beside the stock shim's median; the door is a part of that.
Figure Paired(const std::string& name, const std::string& unit,
              const PairedSamples& samples, double door,
              bool at_least = false) {
  const double stock = samples.stock.Median();
  Figure figure = ContainerdFigure(name, unit, FigureOf(samples.ours), stock);
  figure.door = Door{door * stock, at_least};
  return figure;
}

double Milliseconds(absl::Duration duration) {
  return absl::ToDoubleMilliseconds(duration);
}

absl::StatusOr<double> LaunchOne(ContainerdDaemon& daemon) {
  HOLDFAST_ASSIGN_OR_RETURN(const std::vector<std::string> ids,
                            daemon.Register(1));
  const absl::Time start = absl::Now();
  HOLDFAST_RETURN_IF_ERROR(daemon.client().Launch(ids[0]));
  const double took = Milliseconds(absl::Now() - start);
  HOLDFAST_RETURN_IF_ERROR(daemon.EndAll(ids, 1));
  return took;
}

absl::Status MeasureLaunches(const Options& options, Pair& pair,
                             Figures& figures) {
  HOLDFAST_ASSIGN_OR_RETURN(
      const PairedSamples samples,
      InTurns(pair, options.containerd_launches, LaunchOne));
  figures.Add(Paired("create_and_start", "ms", samples, kLaunchDoor));
  return absl::OkStatus();
}

absl::Status LiveOnce(ContainerdDaemon& daemon, const std::string& id) {
  HOLDFAST_RETURN_IF_ERROR(daemon.client().Launch(id));
  return daemon.client().End(id);
}

// Tasks a second, from Create to Delete.
absl::StatusOr<double> Churn(ContainerdDaemon& daemon, int n) {
  HOLDFAST_ASSIGN_OR_RETURN(const std::vector<std::string> ids,
                            daemon.Register(n));
  const absl::Time start = absl::Now();
  HOLDFAST_RETURN_IF_ERROR(InParallel(ids.size(), kInFlight, [&](size_t i) {
    return LiveOnce(daemon, ids[i]);
  }));
  const absl::Duration took = absl::Now() - start;
  for (const std::string& id : ids)
    HOLDFAST_RETURN_IF_ERROR(daemon.client().Unregister(id));
  return n / absl::ToDoubleSeconds(took);
}

absl::Status MeasureThroughput(const Options& options, Pair& pair,
                               Figures& figures) {
  HOLDFAST_ASSIGN_OR_RETURN(
      const PairedSamples samples,
      InTurns(pair, options.containerd_runs, [&](ContainerdDaemon& daemon) {
        return Churn(daemon, options.containerd_launches);
      }));
  figures.Add(Paired(absl::StrCat("start_to_delete_", kInFlight, "_in_flight"),
                     "1/s", samples, kThroughputDoor, /*at_least=*/true));
  return absl::OkStatus();
}

absl::StatusOr<double> ExecOne(ContainerdDaemon& daemon, const std::string& id,
                               const std::string& exec_id) {
  const absl::Time start = absl::Now();
  HOLDFAST_RETURN_IF_ERROR(daemon.client().ExecTrue(id, exec_id));
  const double took = Milliseconds(absl::Now() - start);
  HOLDFAST_RETURN_IF_ERROR(daemon.client().DeleteExec(id, exec_id));
  return took;
}

// Exec of `true` in one task of each, to its exit status.
absl::Status MeasureExecs(const Options& options, Pair& pair,
                          Figures& figures) {
  std::vector<std::string> ids;  // the same of both: they had as many before
  for (ContainerdDaemon* daemon : {pair.ours.get(), pair.stock.get()}) {
    HOLDFAST_ASSIGN_OR_RETURN(ids, daemon->Register(1));
    HOLDFAST_RETURN_IF_ERROR(daemon->LaunchAll(ids, 1));
  }
  int named = 0;
  HOLDFAST_ASSIGN_OR_RETURN(
      const PairedSamples samples,
      InTurns(pair, options.containerd_launches, [&](ContainerdDaemon& daemon) {
        return ExecOne(daemon, ids[0], absl::StrCat("exec-", named++));
      }));
  for (ContainerdDaemon* daemon : {pair.ours.get(), pair.stock.get()})
    HOLDFAST_RETURN_IF_ERROR(daemon->EndAll(ids, 1));
  figures.Add(Paired("exec_to_exit_status", "ms", samples, kExecDoor));
  return absl::OkStatus();
}

void AddIdle(const FleetCost& ours, const FleetCost& stock,
             const FleetCost& ours_before, const FleetCost& stock_before,
             absl::Duration idle_time, Figures& figures) {
  figures.Add(Paired(absl::StrCat("shim_pss_at_", ours.pss_kib.size()), "KiB",
                     {ours.pss_kib, stock.pss_kib}, kMemoryDoor));
  Figure threads;
  threads.value = ours.threads.Max();
  threads.n = ours.threads.size();
  threads.door = Door{1};
  figures.Add(ContainerdFigure("shim_threads", "threads", threads,
                               stock.threads.Median()));
  Figure switches;
  switches.value =
      static_cast<double>(ours.context_switches - ours_before.context_switches);
  switches.n = ours.threads.size();
  switches.door = Door{0};
  figures.Add(
      ContainerdFigure(absl::StrCat("shim_context_switches_in_",
                                    absl::FormatDuration(idle_time)),
                       "of all", switches,
                       static_cast<double>(stock.context_switches -
                                           stock_before.context_switches)));
}

absl::Status AddCharged(Pair& pair, int tasks, Figures& figures) {
  HOLDFAST_ASSIGN_OR_RETURN(const double ours, pair.ours->ShimGroupKib());
  HOLDFAST_ASSIGN_OR_RETURN(const double stock, pair.stock->ShimGroupKib());
  Figure charged;
  charged.value = ours / tasks;
  charged.n = static_cast<size_t>(tasks);
  charged.door = Door{kMemoryDoor * stock / tasks};
  figures.Add(ContainerdFigure("charged_to_cgroup_per_task", "KiB", charged,
                               stock / tasks));
  return absl::OkStatus();
}

absl::Status MeasureIdleShims(const Options& options, Pair& pair,
                              Figures& figures) {
  const std::vector<pid_t> ours = pair.ours->ShimPids();
  const std::vector<pid_t> stock = pair.stock->ShimPids();
  const size_t tasks = static_cast<size_t>(options.containerd_tasks);
  if (ours.size() != tasks || stock.size() != tasks) {
    return absl::InternalError(absl::StrCat(tasks, " tasks have ", ours.size(),
                                            " and ", stock.size(), " shims"));
  }
  absl::SleepFor(kSettle);
  HOLDFAST_ASSIGN_OR_RETURN(const FleetCost ours_before, ReadFleetCost(ours));
  HOLDFAST_ASSIGN_OR_RETURN(const FleetCost stock_before, ReadFleetCost(stock));
  absl::SleepFor(options.idle_time);
  HOLDFAST_ASSIGN_OR_RETURN(const FleetCost ours_after, ReadFleetCost(ours));
  HOLDFAST_ASSIGN_OR_RETURN(const FleetCost stock_after, ReadFleetCost(stock));
  AddIdle(ours_after, stock_after, ours_before, stock_before, options.idle_time,
          figures);
  return AddCharged(pair, options.containerd_tasks, figures);
}

absl::StatusOr<double> Restart(ContainerdDaemon& daemon, int tasks) {
  HOLDFAST_RETURN_IF_ERROR(daemon.Crash());
  HOLDFAST_ASSIGN_OR_RETURN(const absl::Duration took,
                            daemon.StartAgain(tasks));
  return Milliseconds(took);
}

// kill -9 of containerd, and its start to all of its tasks listed as RUNNING.
absl::Status MeasureRestarts(const Options& options, Pair& pair,
                             Figures& figures) {
  const int tasks = options.containerd_tasks;
  HOLDFAST_ASSIGN_OR_RETURN(
      const PairedSamples samples,
      InTurns(pair, options.containerd_runs, [&](ContainerdDaemon& daemon) {
        return Restart(daemon, tasks);
      }));
  figures.Add(Paired(absl::StrCat("start_to_all_running_", tasks), "ms",
                     samples, kRecoveryDoor));
  return absl::OkStatus();
}

absl::Status MeasureFleet(const Options& options, Pair& pair,
                          Figures& figures) {
  std::vector<std::string> ids;  // the same of both: they had as many before
  for (ContainerdDaemon* daemon : {pair.ours.get(), pair.stock.get()}) {
    HOLDFAST_ASSIGN_OR_RETURN(
        ids, daemon->Register(options.containerd_tasks, /*own_group=*/true));
    HOLDFAST_RETURN_IF_ERROR(daemon->LaunchAll(ids, kInFlight));
  }
  HOLDFAST_RETURN_IF_ERROR(MeasureIdleShims(options, pair, figures));
  HOLDFAST_RETURN_IF_ERROR(MeasureRestarts(options, pair, figures));
  for (ContainerdDaemon* daemon : {pair.ours.get(), pair.stock.get()})
    HOLDFAST_RETURN_IF_ERROR(daemon->EndAll(ids, kInFlight));
  return absl::OkStatus();
}

absl::StatusOr<std::unique_ptr<ContainerdDaemon>> StartBelow(
    const Options& options, const containerd::Shim& shim,
    const std::string& directory) {
  HOLDFAST_RETURN_IF_ERROR(SystemFiles().MakeDirectory(directory, 0700));
  return ContainerdDaemon::Start(
      {options.containerd}, shim,
      containerd::OciRuntimePath(options.oci_runtime), directory);
}

absl::Status MeasureBelow(const Options& options, const std::string& directory,
                          Figures& figures) {
  const containerd::Shim stock = containerd::StockShim({options.containerd});
  Pair pair;
  HOLDFAST_ASSIGN_OR_RETURN(
      pair.ours,
      StartBelow(options, containerd::OurShim(), directory + "/ours"));
  HOLDFAST_ASSIGN_OR_RETURN(pair.stock,
                            StartBelow(options, stock, directory + "/stock"));
  HOLDFAST_RETURN_IF_ERROR(MeasureLaunches(options, pair, figures));
  HOLDFAST_RETURN_IF_ERROR(MeasureExecs(options, pair, figures));
  HOLDFAST_RETURN_IF_ERROR(MeasureThroughput(options, pair, figures));
  return MeasureFleet(options, pair, figures);
}

}  // namespace

absl::Status ContainerdIsThere(const Options& options) {
  const containerd::Peer peer = {options.containerd};
  if (!peer.IsThere() || !containerd::StockShim(peer).IsThere())
    return absl::NotFoundError(absl::StrCat("containerd ", peer.name));
  if (containerd::OciRuntimePath(options.oci_runtime).empty())
    return absl::NotFoundError(options.oci_runtime);
  if (!containerd::OurShim().IsThere())
    return absl::NotFoundError(containerd::OurShim().path);
  return absl::OkStatus();
}

absl::Status MeasureContainerd(const Options& options, Figures& figures) {
  HOLDFAST_RETURN_IF_ERROR(ContainerdIsThere(options));
  std::string directory = options.parent_dir + "/holdfast-bench-XXXXXX";
  if (mkdtemp(directory.data()) == nullptr)
    return ErrnoStatus(errno, "mkdtemp", directory);
  const absl::Status measured = MeasureBelow(options, directory, figures);
  hack::ReapOrphans();
  if (measured.ok()) return RemoveTree(directory);
  fprintf(stderr, "holdfast-bench: what they said is left in %s\n",
          directory.c_str());
  return measured;
}

}  // namespace holdfast::bench
