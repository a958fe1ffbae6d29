#include "absl/strings/str_cat.h"
#include "base/errors.h"
#include "tests/bench/fleet.h"
#include "tests/bench/floors.h"
#include "tests/bench/process_cost.h"
#include "tests/bench/sections.h"

namespace holdfast::bench {
namespace {

constexpr int kSizeOfTheDoor = 1000;

absl::Status MeasureSize(const Options& options, Fleet& fleet, int size,
                         Figures& figures) {
  HOLDFAST_RETURN_IF_ERROR(fleet.GrowTo(size));
  HOLDFAST_ASSIGN_OR_RETURN(
      const Samples floor,
      ConnectToAll(fleet.agent().directory(), size, options.recovery_runs));
  Samples samples;
  for (int run = 0; run < options.recovery_runs; ++run) {
    HOLDFAST_ASSIGN_OR_RETURN(const absl::Duration took, fleet.Restart());
    samples.Add(absl::ToDoubleMilliseconds(took));
  }
  Figure figure = FigureOf(samples);
  figure.section = "recovery";
  figure.name = absl::StrCat("exec_to_all_attached_", size);
  figure.unit = "ms";
  figure.floor = Floor{"connect() to as many sockets", floor.Median()};
  if (size == kSizeOfTheDoor) figure.door = Door{1000};
  figures.Add(figure);

  HOLDFAST_ASSIGN_OR_RETURN(const ProcessCost plugin,
                            ReadProcessCost(fleet.agent().pid()));
  Figure memory;
  memory.section = "recovery";
  memory.name = absl::StrCat("plugin_pss_at_", size);
  memory.unit = "KiB";
  memory.value = plugin.pss_kib;
  figures.Add(memory);
  return absl::OkStatus();
}

}  // namespace

absl::Status MeasureRecovery(const Options& options, Figures& figures) {
  HOLDFAST_ASSIGN_OR_RETURN(const std::unique_ptr<Fleet> fleet,
                            Fleet::Create(options.bin_dir, options.parent_dir));
  for (const int size : options.recovery_sizes)
    HOLDFAST_RETURN_IF_ERROR(MeasureSize(options, *fleet, size, figures));
  return absl::OkStatus();
}

}  // namespace holdfast::bench
