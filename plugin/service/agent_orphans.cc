// Agent: processes under its cgroup root that are in no journal.

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/log.h"
#include "plugin/checkpoint/spare_directory.h"
#include "plugin/recovery/orphans.h"
#include "plugin/service/agent.h"

namespace holdfast {

// `groups`: those that were there before anything could be launched.
void Agent::LookForOrphans(std::vector<std::string> groups) {
  // One that could not be given its own name is reported under a spare's.
  std::erase_if(groups, [this](const std::string& id) {
    return report_.Knows(id) || report_.Knows(SpareName(id));
  });
  workers_.Run([this, groups = std::move(groups)] {
    std::vector<RecoveryReport::Orphan> orphans;
    std::vector<std::string> empty;
    const absl::StatusOr<ContainerReader> reader =
        ContainerReader::Create(options_.cgroups_root);
    if (reader.ok()) {
      orphans = FindOrphans(*reader, files_, store_.layout(),
                            options_.cgroups_root, groups, &empty);
    }
    loop_.Post([this, orphans = std::move(orphans),
                empty = std::move(empty)]() mutable {
      for (const RecoveryReport::Orphan& orphan : orphans) {
        Log(Severity::kWarning,
            absl::StrCat("processes in no journal: ", orphan.explanation()),
            {{"cgroup", orphan.cgroup()},
             {"pids", absl::StrJoin(orphan.pids(), ",")}});
        report_.AddOrphan(orphan);
      }
      report_.AllAdded();
      TreatOrphans(std::move(orphans), std::move(empty));
      CheckRecovered();
    });
  });
}

void Agent::TreatOrphans(std::vector<RecoveryReport::Orphan> orphans,
                         std::vector<std::string> empty) {
  workers_.Run(
      [this, orphans = std::move(orphans), empty = std::move(empty)]() mutable {
        for (const std::string& id : empty) {
          const absl::Status removed = cgroups_.RemoveContainer(id);
          if (removed.ok()) continue;
          Log(Severity::kWarning, removed.message(), {{"container", id}});
        }
        if (options_.orphans == OrphanPolicy::kLeave) return;
        for (RecoveryReport::Orphan& orphan : orphans) {
          TreatOrphan(cgroups_, store_.layout(), options_.orphans, orphan);
        }
        loop_.Post([this, orphans = std::move(orphans)] {
          for (const RecoveryReport::Orphan& orphan : orphans) {
            Log(Severity::kWarning, absl::StrCat("orphan: ", orphan.action()),
                {{"cgroup", orphan.cgroup()}});
            report_.AddOrphan(orphan);
          }
        });
      });
}

}  // namespace holdfast
