#pragma once

#include <map>
#include <string>

#include "absl/status/statusor.h"

namespace holdfast {

// What the command line says of each flag, the last word of each:
// --name=value, --name value, and for a boolean --name and --noname. --help,
// --helpfull and --version are among them. InvalidArgument: a flag that
// is not known, one without its value, or a word that is none.
absl::StatusOr<std::map<std::string, std::string>> ReadCommandLine(
    int argc, const char* const* argv);

}  // namespace holdfast
