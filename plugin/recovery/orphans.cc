#include "plugin/recovery/orphans.h"

#include <time.h>

#include <algorithm>
#include <optional>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "plugin/checkpoint/spare_directory.h"
#include "plugin/recovery/quarantine.h"

namespace holdfast {
namespace {

using Orphan = v1::GetRecoveryResponse::Orphan;

constexpr int kKillTries = 400;
constexpr timespec kBetweenTries = {.tv_sec = 0, .tv_nsec = 5'000'000};

// What a shim's command line says (shim/client/shim_arguments.h): program,
// container, journal.
struct RunningShim {
  pid_t pid;
  std::string journal;
};

std::optional<RunningShim> FindShim(const std::vector<pid_t>& pids,
                                    const std::string& container_id) {
  for (const pid_t pid : pids) {
    const auto command = ReadSmallFile(absl::StrCat("/proc/", pid, "/cmdline"));
    if (!command.ok()) continue;
    const std::vector<std::string> words = absl::StrSplit(*command, '\0');
    if (words.size() > 2 && absl::EndsWith(words[0], "holdfast-shim") &&
        words[1] == container_id) {
      return RunningShim{pid, words[2]};
    }
  }
  return {};
}

// Another instance's journal, which its shim writes.
bool IsForeign(const RunningShim& shim, const Layout& layout) {
  return !absl::StartsWith(shim.journal, layout.work_dir + "/") &&
         !absl::StartsWith(shim.journal, layout.runtime_dir + "/");
}

std::string Explain(const std::optional<RunningShim>& shim,
                    const Layout& layout, const std::string& quarantined) {
  if (shim && IsForeign(*shim, layout)) {
    return absl::StrCat("another instance's: its shim, pid ", shim->pid,
                        ", writes ", shim->journal,
                        "; give each plugin a --cgroups_root of its own");
  }
  const std::string why =
      quarantined.empty()
          ? absl::StrCat("no journal of this id is in ", layout.work_dir,
                         " or ", layout.runtime_dir)
          : absl::StrCat("its journal is in quarantine: ", layout.Quarantine(),
                         "/", quarantined);
  return shim ? absl::StrCat(why, "; its shim, pid ", shim->pid,
                             ", lives and keeps its fence")
              : why;
}

std::string QuarantinedAs(const std::vector<std::string>& quarantine,
                          const std::string& container_id) {
  const auto found = std::find_if(
      quarantine.begin(), quarantine.end(), [&](absl::string_view name) {
        // One made ahead may have gone there with the name that it had.
        if (!IdOfSpare(name).empty()) name = IdOfSpare(name);
        return name == container_id ||
               absl::StartsWith(name, container_id + ".");
      });
  return found == quarantine.end() ? "" : *found;
}

absl::Status KillAndRemove(Cgroups& cgroups, const std::string& container_id) {
  absl::Status removed;
  for (int i = 0; i < kKillTries; ++i) {
    absl::Status killed = cgroups.KillAll(container_id);
    if (absl::IsNotFound(killed)) return absl::OkStatus();
    if (!killed.ok()) return killed;
    removed = cgroups.RemoveContainer(container_id);
    if (!absl::IsFailedPrecondition(removed)) return removed;
    nanosleep(&kBetweenTries, nullptr);
  }
  return removed;
}

// Nothing: there is nobody in its groups.
std::optional<Orphan> Look(const ContainerReader& reader, const Layout& layout,
                           const std::string& cgroups_root,
                           const std::string& container_id,
                           const std::vector<std::string>& quarantine) {
  const std::vector<pid_t> pids = reader.Processes(container_id);
  if (pids.empty()) return {};
  Orphan orphan;
  orphan.set_cgroup(absl::StrCat(cgroups_root, "/", container_id));
  orphan.set_container_id(container_id);
  orphan.mutable_pids()->Add(pids.begin(), pids.end());
  orphan.set_explanation(Explain(FindShim(pids, container_id), layout,
                                 QuarantinedAs(quarantine, container_id)));
  orphan.set_action("left alone");
  return orphan;
}

}  // namespace

std::vector<Orphan> FindOrphans(const ContainerReader& reader, Files& files,
                                const Layout& layout,
                                const std::string& cgroups_root,
                                const std::vector<std::string>& container_ids,
                                std::vector<std::string>* empty) {
  const std::vector<std::string> quarantine = ListQuarantine(files, layout);
  std::vector<Orphan> orphans;
  for (const std::string& id : container_ids) {
    std::optional<Orphan> orphan =
        Look(reader, layout, cgroups_root, id, quarantine);
    if (orphan) {
      orphans.push_back(*std::move(orphan));
    } else if (empty != nullptr) {
      empty->push_back(id);
    }
  }
  return orphans;
}

void TreatOrphan(Cgroups& cgroups, const Layout& layout, OrphanPolicy policy,
                 Orphan& orphan) {
  const std::string& id = orphan.container_id();
  const std::optional<RunningShim> shim =
      FindShim({orphan.pids().begin(), orphan.pids().end()}, id);
  if (shim && IsForeign(*shim, layout)) return;
  absl::Status status;
  switch (policy) {
    case OrphanPolicy::kLeave:
      return;
    case OrphanPolicy::kQuarantine:
      status = cgroups.Freeze(id);
      orphan.set_action("frozen");
      break;
    case OrphanPolicy::kKill:
      status = KillAndRemove(cgroups, id);
      if (status.ok()) status = RemoveTree(layout.Shim(id));
      orphan.set_action("killed");
      break;
  }
  if (!status.ok()) {
    orphan.set_action(absl::StrCat("left alone: ", status.message()));
  }
}

}  // namespace holdfast
