#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "base/errors.h"
#include "tests/bench/fleet.h"
#include "tests/bench/floors.h"
#include "tests/bench/in_flight.h"
#include "tests/bench/sections.h"

namespace holdfast::bench {
namespace {

absl::Status OneAtATime(const Options& options, Fleet& fleet,
                        const Samples& floor, Figures& figures) {
  InFlightLauncher launcher(fleet.client(), Fleet::kFramework,
                            fleet.NewSleepers(options.launches));
  HOLDFAST_RETURN_IF_ERROR(launcher.Run(/*width=*/1));
  Figure figure = FigureOf(launcher.milliseconds());
  figure.section = "launch";
  figure.name = "launch_task_to_running";
  figure.unit = "ms";
  figure.floor = Floor{"posix_spawn + durable write", floor.Median()};
  figure.door = Door{5};
  figures.Add(figure);
  return absl::OkStatus();
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
      Floor{"posix_spawn + durable write",
            1000.0 * static_cast<double>(floor.size()) / floor.Sum()};
  figure.door = Door{200, /*at_least=*/true};
  figures.Add(figure);
  return absl::OkStatus();
}

}  // namespace

absl::Status MeasureLaunch(const Options& options, Figures& figures) {
  HOLDFAST_ASSIGN_OR_RETURN(const std::unique_ptr<Fleet> fleet,
                            Fleet::Create(options.bin_dir, options.parent_dir));
  HOLDFAST_ASSIGN_OR_RETURN(
      const Samples floor,
      SpawnAndWrite(fleet->agent().directory(), options.launches));
  HOLDFAST_RETURN_IF_ERROR(OneAtATime(options, *fleet, floor, figures));
  return Burst(options, *fleet, floor, figures);
}

}  // namespace holdfast::bench
