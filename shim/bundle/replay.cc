#include "shim/bundle/replay.h"

#include <cstdint>

#include "absl/strings/str_cat.h"
#include "base/errors.h"
#include "shim/records/damage_offset.h"

namespace holdfast {
namespace {

// The number of the first field of a serialized message; 0: there is none.
uint64_t FirstField(absl::string_view bytes) {
  uint64_t tag = 0;
  int shift = 0;
  for (const char c : bytes) {
    if (shift > 28) return 0;  // a tag has at most five bytes
    tag |= static_cast<uint64_t>(c & 0x7f) << shift;
    if ((c & 0x80) == 0) return tag >> 3;  // below it: the wire type
    shift += 7;
  }
  return 0;
}

absl::StatusOr<v1::JournalRecord> ParseRecord(const std::string& payload) {
  v1::JournalRecord record;
  if (!record.ParseFromString(payload)) {
    return absl::DataLossError("not a record");
  }
  if (record.record_case() == v1::JournalRecord::RECORD_NOT_SET) {
    return absl::FailedPreconditionError(absl::StrCat(
        "of kind ", FirstField(payload), ", which this version does not know"));
  }
  return record;
}

}  // namespace

absl::StatusOr<ExecutorFacts> ReplayFacts(
    absl::Span<const std::string> payloads, absl::Span<const size_t> offsets) {
  if (payloads.empty()) {
    return WithOffset(absl::DataLossError("no record, not an intent"), 4);
  }
  ExecutorFacts facts;
  for (size_t i = 0; i < payloads.size(); ++i) {
    const absl::StatusOr<v1::JournalRecord> record = ParseRecord(payloads[i]);
    const absl::Status status =
        record.ok() ? facts.Apply(*record) : record.status();
    if (status.ok()) continue;
    const absl::Status named = Annotate(status, absl::StrCat("record ", i));
    return i < offsets.size() ? WithOffset(named, offsets[i]) : named;
  }
  return facts;
}

}  // namespace holdfast
