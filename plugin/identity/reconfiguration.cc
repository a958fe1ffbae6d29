#include "plugin/identity/reconfiguration.h"

#include <algorithm>
#include <iterator>
#include <map>
#include <set>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "api/reasons.h"
#include "api/value_math.h"
#include "api/values.h"
#include "base/errors.h"
#include "base/log.h"

namespace holdfast {
namespace {

using Entries = std::map<std::string, v1::Value>;

Entries EntriesOf(const v1::AgentInfo& info) {
  Entries entries;
  for (const v1::AgentResource& resource : info.resources()) {
    entries[absl::StrCat("resource ", ResourceKey(resource))] =
        resource.value();
  }
  for (const v1::Attribute& attribute : info.attributes()) {
    entries[absl::StrCat("attribute ", attribute.name())] = attribute.value();
  }
  return entries;
}

// Null: there was, or is, none.
bool IsAllowed(const v1::Value* before, const v1::Value* after,
               ReconfigurationPolicy policy) {
  switch (policy) {
    case ReconfigurationPolicy::kEqual:
      return false;
    case ReconfigurationPolicy::kAdditive:
      return before == nullptr ||
             (after != nullptr && Contains(*after, *before));
    case ReconfigurationPolicy::kAny:
      return true;
  }
  return false;
}

const v1::Value* Find(const Entries& entries, const std::string& key) {
  const auto found = entries.find(key);
  return found == entries.end() ? nullptr : &found->second;
}

std::string Text(const v1::Value* value) {
  return value == nullptr ? "" : FormatValue(*value);
}

std::vector<Difference> Refused(std::vector<Difference> differences) {
  differences.erase(
      std::remove_if(differences.begin(), differences.end(),
                     [](const Difference& one) { return one.allowed; }),
      differences.end());
  return differences;
}

}  // namespace

std::vector<Difference> Compare(const v1::AgentInfo& stored,
                                const v1::AgentInfo& now,
                                ReconfigurationPolicy policy) {
  std::vector<Difference> differences;
  const Entries before = EntriesOf(stored);
  const Entries after = EntriesOf(now);
  std::set<std::string> keys;
  for (const Entries* entries : {&before, &after}) {
    for (const auto& [key, entry] : *entries) keys.insert(key);
  }
  for (const std::string& key : keys) {
    const v1::Value* const was = Find(before, key);
    const v1::Value* const is = Find(after, key);
    // A key that is on one side alone differs, also by an empty value.
    if (was != nullptr && is != nullptr && Text(was) == Text(is)) continue;
    differences.push_back(
        {key, Text(was), Text(is), IsAllowed(was, is, policy)});
  }
  if (stored.hostname() != now.hostname()) {
    differences.push_back({"hostname", stored.hostname(), now.hostname(),
                           policy == ReconfigurationPolicy::kAny});
  }
  std::sort(
      differences.begin(), differences.end(),
      [](const Difference& a, const Difference& b) { return a.key < b.key; });
  return differences;
}

std::string Describe(const std::vector<Difference>& differences) {
  return absl::StrJoin(
      differences, "; ", [](std::string* out, const Difference& one) {
        absl::StrAppend(out, one.key, ": ",
                        one.before.empty() ? "none" : one.before, " -> ",
                        one.after.empty() ? "none" : one.after);
      });
}

absl::Status CheckReconfiguration(const v1::AgentInfo& stored,
                                  const v1::AgentInfo& now,
                                  ReconfigurationPolicy policy) {
  const std::vector<Difference> refused = Refused(Compare(stored, now, policy));
  if (refused.empty()) return absl::OkStatus();
  const bool would_do =
      Refused(Compare(stored, now, ReconfigurationPolicy::kAdditive)).empty();
  return WithReason(
      absl::FailedPreconditionError(absl::StrCat(
          "agent info is not what it was, and --reconfiguration_policy=",
          Name(policy), " does not allow it: ", Describe(refused),
          "; nothing was touched, executors live on; start with the former "
          "values, or with --reconfiguration_policy=",
          Name(would_do ? ReconfigurationPolicy::kAdditive
                        : ReconfigurationPolicy::kAny))),
      kReconfigurationRefused);
}

absl::Status Reconfigure(const v1::AgentInfo& now, ReconfigurationPolicy policy,
                         const std::string& boot_id, v1::AgentRecord* record) {
  const bool was_stored = !record->boot_id().empty();
  if (was_stored && record->boot_id() == boot_id) {
    HOLDFAST_RETURN_IF_ERROR(
        CheckReconfiguration(record->agent(), now, policy));
  }
  const std::vector<Difference> differences =
      Compare(record->agent(), now, ReconfigurationPolicy::kAny);
  if (was_stored && !differences.empty()) {
    Log(Severity::kInfo, "agent info is another than at the last start",
        {{"changes", Describe(differences)}});
  }
  const std::string agent_id = record->agent().agent_id();
  *record->mutable_agent() = now;
  record->mutable_agent()->set_agent_id(agent_id);
  return absl::OkStatus();
}

}  // namespace holdfast
