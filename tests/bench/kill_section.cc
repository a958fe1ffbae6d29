#include "absl/time/clock.h"
#include "base/errors.h"
#include "tests/bench/fleet.h"
#include "tests/bench/floors.h"
#include "tests/bench/sections.h"

namespace holdfast::bench {
namespace {

constexpr absl::Duration kTimeout = absl::Seconds(20);

// A sleeper has no handler for SIGTERM, which ends it at once.
absl::StatusOr<double> KillOne(Fleet& fleet, const v1::TaskInfo& task) {
  HOLDFAST_RETURN_IF_ERROR(fleet.Launch(task));
  HOLDFAST_RETURN_IF_ERROR(
      fleet.ledger().WaitForUpdate({task.task_id()}, kTimeout));
  v1::KillTaskRequest request;
  request.set_framework_id(Fleet::kFramework);
  request.set_task_id(task.task_id());
  const absl::Time start = absl::Now();
  HOLDFAST_RETURN_IF_ERROR(
      fleet.client().Call(&hack::Stub::KillTask, request).status());
  HOLDFAST_RETURN_IF_ERROR(
      fleet.ledger().WaitForEnd({task.task_id()}, kTimeout));
  const hack::UpdateLedger::Task seen = fleet.ledger().Get(task.task_id());
  return absl::ToDoubleMilliseconds(seen.arrivals.back() - start);
}

}  // namespace

absl::Status MeasureKill(const Options& options, Figures& figures) {
  HOLDFAST_ASSIGN_OR_RETURN(const std::unique_ptr<Fleet> fleet,
                            Fleet::Create(options.bin_dir, options.parent_dir));
  HOLDFAST_ASSIGN_OR_RETURN(FloorMeter meter,
                            FloorMeter::Create(fleet->agent().directory()));
  Samples samples, floor;
  for (const v1::TaskInfo& task : fleet->NewSleepers(options.launches)) {
    HOLDFAST_ASSIGN_OR_RETURN(const double least, meter.KillReapAndWrite());
    floor.Add(least);
    HOLDFAST_ASSIGN_OR_RETURN(const double took, KillOne(*fleet, task));
    samples.Add(took);
  }
  Figure figure = FigureOf(samples);
  figure.section = "kill";
  figure.name = "kill_task_to_terminal_update";
  figure.unit = "ms";
  figure.floor = Floor{"SIGKILL + waitid + durable write", floor.Median()};
  figure.door = Door{5};
  figures.Add(figure);
  return absl::OkStatus();
}

}  // namespace holdfast::bench
