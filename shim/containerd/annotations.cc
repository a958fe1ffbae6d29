#include "shim/containerd/annotations.h"

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "base/errors.h"
#include "base/parse.h"

namespace holdfast::containerd {
namespace {

// Ours is what begins with "dev.holdfast."; what is about output also without
// the first word. Empty: it is somebody else's.
absl::string_view OurPart(absl::string_view name) {
  if (absl::ConsumePrefix(&name, "dev.holdfast.")) return name;
  const bool is_short = absl::StartsWith(name, "holdfast.output.");
  return is_short ? absl::StripPrefix(name, "holdfast.") : "";
}

absl::Status MustBe(absl::string_view value, absl::string_view allowed) {
  return absl::InvalidArgumentError(
      absl::StrCat("\"", value, "\": must be ", allowed));
}

absl::StatusOr<WhenFull> ParsePolicy(absl::string_view value) {
  if (value == "spool") return WhenFull::kSpool;
  if (value == "drop-oldest") return WhenFull::kDropOldest;
  if (value == "block") return WhenFull::kBlock;
  return MustBe(value, "spool, drop-oldest or block");
}

// `name`: our part of it.
absl::Status Take(absl::string_view name, absl::string_view value,
                  Annotations& result, bool& checkpoint) {
  if (name == "checkpoint") {
    if (value != "true" && value != "false") {
      return MustBe(value, "true or false");
    }
    checkpoint = value == "true";
    return absl::OkStatus();
  }
  if (name == "recovery_timeout") {
    HOLDFAST_ASSIGN_OR_RETURN(result.recovery_timeout, ParseDuration(value));
    return absl::OkStatus();
  }
  if (name == "output.spool_bytes") {
    HOLDFAST_ASSIGN_OR_RETURN(result.spool.max_bytes, ParseBytes(value));
    return absl::OkStatus();
  }
  if (name == "output.policy") {
    HOLDFAST_ASSIGN_OR_RETURN(result.spool.when_full, ParsePolicy(value));
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(
      "unknown; there are dev.holdfast.checkpoint, .recovery_timeout, "
      ".output.spool_bytes and .output.policy");
}

}  // namespace

absl::StatusOr<Annotations> ParseAnnotations(
    const std::map<std::string, std::string>& annotations) {
  Annotations result;
  bool checkpoint = true;
  for (const auto& [name, value] : annotations) {
    const absl::string_view ours = OurPart(name);
    if (ours.empty()) continue;
    HOLDFAST_RETURN_IF_ERROR(Annotate(Take(ours, value, result, checkpoint),
                                      absl::StrCat("annotation ", name)));
  }
  if (!checkpoint) result.recovery_timeout = absl::ZeroDuration();
  return result;
}

std::string GroupOf(const std::map<std::string, std::string>& annotations) {
  for (const char* name :
       {"io.containerd.runc.v2.group", "io.kubernetes.cri.sandbox-id"}) {
    const auto found = annotations.find(name);
    if (found != annotations.end()) return found->second;
  }
  return "";
}

}  // namespace holdfast::containerd
