#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <functional>

#include "absl/strings/str_cat.h"
#include "base/errors.h"
#include "base/unique_fd.h"
#include "tests/bench/fleet.h"
#include "tests/bench/floors.h"
#include "tests/bench/process_cost.h"
#include "tests/bench/sections.h"

namespace holdfast::bench {
namespace {

constexpr int kSizeOfTheDoor = 1000;
constexpr double kDoorMs = 1000;
// Those in trouble cost the others no more than this.
constexpr double kTroubleDoor = 1.1;
constexpr int kOneIn = 100;
constexpr off_t kDamagedByte = 100;  // in the first record

Figure RecoveryFigure(const std::string& name, const Samples& samples) {
  Figure figure = FigureOf(samples);
  figure.section = "recovery";
  figure.name = name;
  figure.unit = "ms";
  return figure;
}

Figure PluginFigure(const std::string& name, const std::string& unit,
                    double value) {
  Figure figure;
  figure.section = "recovery";
  figure.name = name;
  figure.unit = unit;
  figure.value = value;
  return figure;
}

// The median of clean restarts.
absl::StatusOr<double> MeasureSize(const Options& options, Fleet& fleet,
                                   int size, Figures& figures) {
  HOLDFAST_RETURN_IF_ERROR(fleet.GrowTo(size));
  HOLDFAST_ASSIGN_OR_RETURN(
      const Samples floor,
      ConnectToAll(fleet.agent().directory(), size, options.recovery_runs));
  Samples samples, cpu;
  for (int run = 0; run < options.recovery_runs; ++run) {
    HOLDFAST_RETURN_IF_ERROR(fleet.Crash());
    HOLDFAST_ASSIGN_OR_RETURN(const absl::Duration took, fleet.StartAgain());
    samples.Add(absl::ToDoubleMilliseconds(took));
    HOLDFAST_ASSIGN_OR_RETURN(const double seconds,
                              ReadCpuSeconds(fleet.agent().pid()));
    cpu.Add(seconds);
    HOLDFAST_RETURN_IF_ERROR(fleet.WaitUntilWhole());
  }
  Figure figure =
      RecoveryFigure(absl::StrCat("exec_to_all_attached_", size), samples);
  figure.floor = Floor{"connect() to as many sockets", floor.Median()};
  if (size == kSizeOfTheDoor) figure.door = Door{kDoorMs};
  figures.Add(figure);
  HOLDFAST_ASSIGN_OR_RETURN(const ProcessCost plugin,
                            ReadProcessCost(fleet.agent().pid()));
  figures.Add(PluginFigure(absl::StrCat("plugin_pss_at_", size), "KiB",
                           plugin.pss_kib));
  figures.Add(PluginFigure(absl::StrCat("plugin_cpu_seconds_at_", size), "s",
                           cpu.Median()));
  return samples.Median();
}

using EachOfThem =
    std::function<absl::Status(Fleet& fleet, const v1::Task& task)>;

absl::Status Stop(Fleet&, const v1::Task& task) {
  return kill(task.shim_pid(), SIGSTOP) == 0
             ? absl::OkStatus()
             : ErrnoStatus(errno, "kill", absl::StrCat(task.shim_pid()));
}

absl::Status Wake(Fleet&, const v1::Task& task) {
  return kill(task.shim_pid(), SIGCONT) == 0
             ? absl::OkStatus()
             : ErrnoStatus(errno, "kill", absl::StrCat(task.shim_pid()));
}

absl::Status DamageJournal(Fleet& fleet, const v1::Task& task) {
  const std::string path = absl::StrCat(fleet.agent().work_dir(), "/executors/",
                                        task.container_id(), "/journal");
  UniqueFd fd(open(path.c_str(), O_RDWR | O_CLOEXEC));
  char byte;
  if (!fd || pread(fd.get(), &byte, 1, kDamagedByte) != 1) {
    return ErrnoStatus(errno, "read", path);
  }
  byte = static_cast<char>(~byte);
  if (pwrite(fd.get(), &byte, 1, kDamagedByte) != 1) {
    return ErrnoStatus(errno, "write", path);
  }
  return absl::OkStatus();
}

struct Trouble {
  std::string name;
  EachOfThem make;
  EachOfThem end;   // once it was measured; null: by itself
  bool is_settled;  // they count among the settled
  std::vector<std::string> flags;
};

// One in a hundred is in trouble.
absl::Status MeasureTrouble(const Options& options, Fleet& fleet, int size,
                            double clean, const Trouble& trouble,
                            Figures& figures) {
  HOLDFAST_ASSIGN_OR_RETURN(std::vector<v1::Task> tasks, fleet.LivingTasks());
  tasks.resize(tasks.size() / kOneIn);
  if (tasks.empty()) return absl::OkStatus();
  Samples samples;
  for (int run = 0; run < options.recovery_runs; ++run) {
    HOLDFAST_RETURN_IF_ERROR(fleet.Crash());
    for (const v1::Task& task : tasks) {
      HOLDFAST_RETURN_IF_ERROR(trouble.make(fleet, task));
    }
    HOLDFAST_ASSIGN_OR_RETURN(
        const absl::Duration took,
        fleet.StartAgain(trouble.is_settled ? 0 : tasks.size(), trouble.flags));
    samples.Add(absl::ToDoubleMilliseconds(took));
    for (const v1::Task& task : tasks) {
      if (trouble.end) HOLDFAST_RETURN_IF_ERROR(trouble.end(fleet, task));
    }
    HOLDFAST_RETURN_IF_ERROR(fleet.WaitUntilWhole());
  }
  Figure figure = RecoveryFigure(
      absl::StrCat("others_attached_", trouble.name, "_", size), samples);
  figure.floor = Floor{"without any in trouble", clean};
  figure.door = Door{kTroubleDoor * clean};
  figures.Add(figure);
  return absl::OkStatus();
}

}  // namespace

absl::Status MeasureRecovery(const Options& options, Figures& figures) {
  const Trouble hung = {.name = "1_percent_hung",
                        .make = Stop,
                        .end = Wake,
                        .is_settled = false,
                        .flags = {}};
  const Trouble damaged = {.name = "1_percent_damaged",
                           .make = DamageJournal,
                           .end = nullptr,
                           .is_settled = true,
                           .flags = {"--strict=false"}};
  HOLDFAST_ASSIGN_OR_RETURN(const std::unique_ptr<Fleet> fleet,
                            Fleet::Create(options.bin_dir, options.parent_dir));
  for (const int size : options.recovery_sizes) {
    HOLDFAST_ASSIGN_OR_RETURN(const double clean,
                              MeasureSize(options, *fleet, size, figures));
    if (size < kOneIn) continue;
    for (const Trouble& trouble : {hung, damaged}) {
      HOLDFAST_RETURN_IF_ERROR(
          MeasureTrouble(options, *fleet, size, clean, trouble, figures));
    }
  }
  return absl::OkStatus();
}

}  // namespace holdfast::bench
