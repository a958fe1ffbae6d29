#pragma once

#include <cstddef>
#include <string>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "shim/bundle/executor_facts.h"

namespace holdfast {

// The facts that a journal's payloads tell. DataLoss: one is no record, cannot
// follow what is before it, or there is none at all. FailedPrecondition: one
// is of a kind that a newer version has added. Both name it by its number, and
// carry its offset (shim/records/damage_offset.h) where `offsets` has it.
absl::StatusOr<ExecutorFacts> ReplayFacts(
    absl::Span<const std::string> payloads,
    absl::Span<const size_t> offsets = {});

}  // namespace holdfast
