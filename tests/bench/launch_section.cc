#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "base/errors.h"
#include "tests/bench/fleet.h"
#include "tests/bench/floors.h"
#include "tests/bench/in_flight.h"
#include "tests/bench/sections.h"

namespace holdfast::bench {
namespace {

constexpr absl::Duration kTimeout = absl::Seconds(20);

absl::StatusOr<double> LaunchOne(Fleet& fleet, const v1::TaskInfo& task) {
  const absl::Time start = absl::Now();
  HOLDFAST_RETURN_IF_ERROR(fleet.Launch(task));
  const double took = absl::ToDoubleMilliseconds(absl::Now() - start);
  HOLDFAST_RETURN_IF_ERROR(
      fleet.ledger().WaitForUpdate({task.task_id()}, kTimeout));
  return took;
}

absl::StatusOr<Samples> OneAtATime(const Options& options, Fleet& fleet,
                                   FloorMeter& meter, Figures& figures) {
  Samples samples, floor;
  for (const v1::TaskInfo& task : fleet.NewSleepers(options.launches)) {
    HOLDFAST_ASSIGN_OR_RETURN(const double least, meter.SpawnAndWrite());
    floor.Add(least);
    HOLDFAST_ASSIGN_OR_RETURN(const double took, LaunchOne(fleet, task));
    samples.Add(took);
  }
  Figure figure = FigureOf(samples);
  figure.section = "launch";
  figure.name = "launch_task_to_running";
  figure.unit = "ms";
  figure.floor = Floor{"posix_spawn + durable write", floor.Median()};
  figure.door = Door{5};
  figures.Add(figure);
  return floor;
}

absl::Status Burst(const Options& options, Fleet& fleet, const Samples& floor,
                   Figures& figures) {
  InFlightLauncher launcher(fleet.client(), Fleet::kFramework,
                            fleet.NewSleepers(options.burst));
  HOLDFAST_RETURN_IF_ERROR(launcher.Run(options.in_flight));
  Figure figure;
  figure.section = "launch";
  figure.name = absl::StrCat("launches_with_", options.in_flight, "_in_flight");
  figure.unit = "1/s";
  figure.n = options.burst;
  figure.value = options.burst / absl::ToDoubleSeconds(launcher.took());
  figure.floor =
      Floor{"posix_spawn + durable write, one by one", 1000 / floor.Median()};
  figure.door = Door{200, /*at_least=*/true};
  figures.Add(figure);
  return absl::OkStatus();
}

}  // namespace

absl::Status MeasureLaunch(const Options& options, Figures& figures) {
  HOLDFAST_ASSIGN_OR_RETURN(const std::unique_ptr<Fleet> fleet,
                            Fleet::Create(options.bin_dir, options.parent_dir));
  HOLDFAST_ASSIGN_OR_RETURN(FloorMeter meter,
                            FloorMeter::Create(fleet->agent().directory()));
  HOLDFAST_ASSIGN_OR_RETURN(const Samples floor,
                            OneAtATime(options, *fleet, meter, figures));
  return Burst(options, *fleet, floor, figures);
}

}  // namespace holdfast::bench
