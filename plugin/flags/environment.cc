#include "plugin/flags/environment.h"

#include <stdlib.h>

#include <set>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/errors.h"
#include "base/files.h"
#include "plugin/flags/definitions.h"
#include "plugin/flags/env_file.h"

namespace holdfast {

absl::StatusOr<Environment> Environment::Read(const std::string& env_file) {
  Environment environment;
  if (env_file.empty()) return environment;
  const absl::StatusOr<std::string> text = ReadSmallFile(env_file);
  if (!text.ok()) {
    return absl::InvalidArgumentError(
        absl::StrCat("--env_file: ", text.status().message()));
  }
  const absl::StatusOr<std::vector<EnvAssignment>> assignments =
      ParseEnvFile(*text);
  if (!assignments.ok()) {
    return absl::InvalidArgumentError(
        absl::StrCat(env_file, ":", assignments.status().message()));
  }
  std::set<std::string> known;
  for (const std::string& flag : FlagNames()) {
    for (std::string& variable : VariablesOf(flag)) {
      known.insert(std::move(variable));
    }
  }
  // One file names no other.
  known.erase("HOLDFAST_ENV_FILE");
  for (const EnvAssignment& assignment : *assignments) {
    const std::string where = absl::StrCat(env_file, ":", assignment.line);
    if (known.contains(assignment.name)) {
      environment.from_file_[assignment.name] = {
          assignment.name, assignment.value,
          absl::StrCat(where, " ", assignment.name)};
    } else if (absl::StartsWith(assignment.name, "HOLDFAST_")) {
      return absl::InvalidArgumentError(
          absl::StrCat(where, ": ", assignment.name,
                       ": no flag has this variable; see holdfastd --help"));
    } else if (absl::StartsWith(assignment.name, "MESOS_")) {
      environment.ignored_.push_back(assignment.name);
    }
  }
  return environment;
}

std::optional<Setting> Environment::Find(const std::string& flag) const {
  const std::vector<std::string> variables = VariablesOf(flag);
  for (const std::string& variable : variables) {
    if (const char* value = getenv(variable.c_str()); value != nullptr) {
      return Setting{variable, value, variable};
    }
  }
  for (const std::string& variable : variables) {
    const auto found = from_file_.find(variable);
    if (found != from_file_.end()) return found->second;
  }
  return std::nullopt;
}

}  // namespace holdfast
