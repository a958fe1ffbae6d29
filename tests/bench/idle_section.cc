#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "base/errors.h"
#include "tests/bench/fleet.h"
#include "tests/bench/process_cost.h"
#include "tests/bench/sections.h"

namespace holdfast::bench {
namespace {

// After the last launch has died down.
constexpr absl::Duration kSettle = absl::Seconds(3);

Figure IdleFigure(const std::string& name, const std::string& unit,
                  double value) {
  Figure figure;
  figure.section = "idle";
  figure.name = name;
  figure.unit = unit;
  figure.value = value;
  return figure;
}

// One kind of memory of every shim, beside the same of every sleeper.
Figure MemoryFigure(const std::string& name, const Samples& shims,
                    const Samples& sleepers) {
  Figure figure = FigureOf(shims);
  figure.section = "idle";
  figure.name = name;
  figure.unit = "KiB";
  figure.floor = Floor{"busybox sleep", sleepers.Median()};
  return figure;
}

void AddMemory(const FleetCost& shims, const FleetCost& sleepers,
               Figures& figures) {
  Figure pss = MemoryFigure("shim_pss", shims.pss_kib, sleepers.pss_kib);
  pss.door = Door{200};
  figures.Add(pss);
  Figure rss = MemoryFigure("shim_rss", shims.rss_kib, sleepers.rss_kib);
  rss.door = Door{2560};
  figures.Add(rss);
  figures.Add(MemoryFigure("shim_uss", shims.uss_kib, sleepers.uss_kib));
  Figure threads = IdleFigure("shim_threads", "threads", shims.threads.Max());
  threads.n = shims.threads.size();
  threads.door = Door{1};
  figures.Add(threads);
}

}  // namespace

absl::Status MeasureIdle(const Options& options, Figures& figures) {
  HOLDFAST_ASSIGN_OR_RETURN(const std::unique_ptr<Fleet> fleet,
                            Fleet::Create(options.bin_dir, options.parent_dir));
  HOLDFAST_RETURN_IF_ERROR(fleet->GrowTo(options.idle_executors));
  HOLDFAST_ASSIGN_OR_RETURN(const std::vector<v1::Task> tasks,
                            fleet->LivingTasks());
  std::vector<pid_t> shims, sleepers;
  for (const v1::Task& task : tasks) {
    shims.push_back(task.shim_pid());
    sleepers.push_back(task.pid());
  }
  absl::SleepFor(kSettle);
  const pid_t agent = fleet->agent().pid();
  HOLDFAST_ASSIGN_OR_RETURN(const FleetCost shims_before, ReadFleetCost(shims));
  HOLDFAST_ASSIGN_OR_RETURN(const ProcessCost agent_before,
                            ReadProcessCost(agent));
  absl::SleepFor(options.idle_time);
  HOLDFAST_ASSIGN_OR_RETURN(const FleetCost shims_after, ReadFleetCost(shims));
  HOLDFAST_ASSIGN_OR_RETURN(const ProcessCost agent_after,
                            ReadProcessCost(agent));
  HOLDFAST_ASSIGN_OR_RETURN(const FleetCost sleepers_after,
                            ReadFleetCost(sleepers));

  AddMemory(shims_after, sleepers_after, figures);
  Figure switches =
      IdleFigure(absl::StrCat("shim_context_switches_in_",
                              absl::FormatDuration(options.idle_time)),
                 "of all",
                 static_cast<double>(shims_after.context_switches -
                                     shims_before.context_switches));
  switches.n = shims.size();
  switches.door = Door{0};
  figures.Add(switches);

  figures.Add(IdleFigure(absl::StrCat("plugin_pss_at_", shims.size()), "KiB",
                         agent_after.pss_kib));
  figures.Add(IdleFigure("plugin_threads", "threads", agent_after.threads));
  figures.Add(IdleFigure("plugin_context_switches", "1/s",
                         static_cast<double>(agent_after.context_switches -
                                             agent_before.context_switches) /
                             absl::ToDoubleSeconds(options.idle_time)));
  return absl::OkStatus();
}

}  // namespace holdfast::bench
