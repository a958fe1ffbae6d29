#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "base/errors.h"
#include "tests/bench/fleet.h"
#include "tests/bench/floors.h"
#include "tests/bench/sections.h"

namespace holdfast::bench {
namespace {

constexpr absl::Duration kTimeout = absl::Seconds(120);

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

Samples Latencies(const hack::UpdateLedger::Task& seen) {
  Samples samples;
  for (size_t i = 0; i < seen.updates.size(); ++i) {
    int64_t sent = 0;
    if (!absl::SimpleAtoi(seen.updates[i].status().data(), &sent)) continue;
    samples.Add(absl::ToDoubleMilliseconds(seen.arrivals[i] -
                                           absl::FromUnixNanos(sent)));
  }
  return samples;
}

}  // namespace

absl::Status MeasureUpdates(const Options& options, Figures& figures) {
  HOLDFAST_ASSIGN_OR_RETURN(const std::unique_ptr<Fleet> fleet,
                            Fleet::Create(options.bin_dir, options.parent_dir));
  HOLDFAST_ASSIGN_OR_RETURN(
      const Samples floor,
      DurableWrite(fleet->agent().directory(), options.updates));
  HOLDFAST_RETURN_IF_ERROR(fleet->Launch(UpdatingTask(options)));
  HOLDFAST_RETURN_IF_ERROR(fleet->ledger().WaitForEnd({"updating"}, kTimeout));
  Figure figure = FigureOf(Latencies(fleet->ledger().Get("updating")));
  figure.section = "updates";
  figure.name = "update_sent_to_orchestrator";
  figure.unit = "ms";
  figure.floor = Floor{"write + fdatasync", floor.Median()};
  figure.door = Door{3 * floor.Median()};
  figures.Add(figure);
  return absl::OkStatus();
}

}  // namespace holdfast::bench
