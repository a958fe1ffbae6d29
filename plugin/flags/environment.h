#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace holdfast {

// A flag's value from a variable.
struct Setting {
  std::string variable;
  std::string value;
  std::string source;  // "HOLDFAST_STRICT", "/etc/default/agent:7 MESOS_STRICT"
};

// The variables that set flags: the process's environment, and after it an
// env_file. In each, HOLDFAST_<NAME> goes before MESOS_<NAME>.
class Environment {
 public:
  // `env_file` may be empty: none. InvalidArgument: it cannot be read, or it
  // holds a HOLDFAST_ variable that no flag has.
  static absl::StatusOr<Environment> Read(const std::string& env_file);

  // The strongest one for the flag.
  std::optional<Setting> Find(const std::string& flag) const;

  // MESOS_ variables of the env_file that no flag here has.
  const std::vector<std::string>& ignored() const { return ignored_; }

 private:
  std::map<std::string, Setting> from_file_;  // by variable
  std::vector<std::string> ignored_;
};

}  // namespace holdfast
