#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "api/time_convert.h"
#include "base/errors.h"
#include "hack/local_agent/interrupt.h"
#include "tests/bench/fleet.h"
#include "tests/bench/floors.h"
#include "tests/bench/sections.h"

namespace holdfast::bench {
namespace {

constexpr absl::Duration kTimeout = absl::Seconds(120);
constexpr absl::Duration kBetweenFloors = absl::Milliseconds(10);

// bench_executor sends `updates` updates, each with the nanoseconds since 1970
// at which it was sent, and the next one when the shim has it on disk.
v1::TaskInfo UpdatingTask(const Options& options) {
  v1::TaskInfo task;
  task.set_task_id("updating");
  task.set_data(absl::StrCat(options.updates));
  task.mutable_executor()->set_executor_id("updating");
  task.mutable_executor()->mutable_command()->set_value(options.bin_dir +
                                                        "/bench_executor");
  return task;
}

double MillisecondsBetween(int64_t sent_unix_nanos, absl::Time arrival) {
  return absl::ToDoubleMilliseconds(arrival -
                                    absl::FromUnixNanos(sent_unix_nanos));
}

// The executor goes by a clock of its own; the floor is measured beside it,
// at about the same pace.
absl::StatusOr<Samples> UpdatesOfACustomExecutor(const Options& options,
                                                 Fleet& fleet,
                                                 FloorMeter& meter,
                                                 Samples& floor) {
  HOLDFAST_RETURN_IF_ERROR(fleet.Launch(UpdatingTask(options)));
  while (fleet.ledger().Get("updating").terminal() == nullptr &&
         !hack::Interrupted()) {
    HOLDFAST_ASSIGN_OR_RETURN(const double least, meter.DurableWrite());
    floor.Add(least);
    absl::SleepFor(kBetweenFloors);
  }
  HOLDFAST_RETURN_IF_ERROR(fleet.ledger().WaitForEnd({"updating"}, kTimeout));
  const hack::UpdateLedger::Task seen = fleet.ledger().Get("updating");
  Samples samples;
  for (size_t i = 0; i < seen.updates.size(); ++i) {
    int64_t sent = 0;
    if (absl::SimpleAtoi(seen.updates[i].status().data(), &sent))
      samples.Add(MillisecondsBetween(sent, seen.arrivals[i]));
  }
  return samples;
}

// From the end time that the update tells: the moment in which the shim has
// reaped the process. Before it is durable, what is left in the cgroup is
// killed and what is left in the pipes is taken.
absl::StatusOr<Samples> EndsOfCommands(const Options& options, Fleet& fleet,
                                       FloorMeter& meter, Samples& floor) {
  Samples samples;
  for (int i = 0; i < options.updates; ++i) {
    HOLDFAST_ASSIGN_OR_RETURN(const double least, meter.DurableWrite());
    floor.Add(least);
    v1::TaskInfo task;
    task.set_task_id(absl::StrCat("ending-", i));
    task.mutable_command()->set_value("busybox");
    task.mutable_command()->add_arguments("true");
    HOLDFAST_RETURN_IF_ERROR(fleet.Launch(task));
    HOLDFAST_RETURN_IF_ERROR(
        fleet.ledger().WaitForEnd({task.task_id()}, kTimeout));
    const hack::UpdateLedger::Task seen = fleet.ledger().Get(task.task_id());
    samples.Add(absl::ToDoubleMilliseconds(
        seen.arrivals.back() - FromProto(seen.terminal()->end_time())));
  }
  return samples;
}

Figure UpdateFigure(const std::string& name, const Samples& samples,
                    const Samples& floor) {
  Figure figure = FigureOf(samples);
  figure.section = "updates";
  figure.name = name;
  figure.unit = "ms";
  figure.floor = Floor{"write + fdatasync", floor.Median()};
  figure.door = Door{3 * floor.Median()};
  return figure;
}

}  // namespace

absl::Status MeasureUpdates(const Options& options, Figures& figures) {
  HOLDFAST_ASSIGN_OR_RETURN(const std::unique_ptr<Fleet> fleet,
                            Fleet::Create(options.bin_dir, options.parent_dir));
  HOLDFAST_ASSIGN_OR_RETURN(FloorMeter meter,
                            FloorMeter::Create(fleet->agent().directory()));
  Samples floor_of_updates;
  HOLDFAST_ASSIGN_OR_RETURN(
      const Samples updates,
      UpdatesOfACustomExecutor(options, *fleet, meter, floor_of_updates));
  figures.Add(UpdateFigure("custom_executor_to_orchestrator", updates,
                           floor_of_updates));
  Samples floor_of_ends;
  HOLDFAST_ASSIGN_OR_RETURN(
      const Samples ends,
      EndsOfCommands(options, *fleet, meter, floor_of_ends));
  figures.Add(UpdateFigure("task_end_to_orchestrator", ends, floor_of_ends));
  return absl::OkStatus();
}

}  // namespace holdfast::bench
