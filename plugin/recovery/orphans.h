#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "api/orchestrator.pb.h"
#include "base/files.h"
#include "cgroups/cgroups.h"
#include "cgroups/container_reader.h"
#include "plugin/checkpoint/layout.h"
#include "plugin/modes.h"

namespace holdfast {

// The orphans among `container_ids`, which have groups and are in no journal:
// those with processes, each explained and left alone. `empty`, when not null,
// is given the others.
std::vector<v1::GetRecoveryResponse::Orphan> FindOrphans(
    const ContainerReader& reader, Files& files, const Layout& layout,
    const std::string& cgroups_root,
    const std::vector<std::string>& container_ids,
    std::vector<std::string>* empty = nullptr);

// Does to `orphan` what `policy` says, and notes it as its action; except to
// what another instance's shim answers for. Waits for processes to end.
void TreatOrphan(Cgroups& cgroups, const Layout& layout, OrphanPolicy policy,
                 v1::GetRecoveryResponse::Orphan& orphan);

}  // namespace holdfast
