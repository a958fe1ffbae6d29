#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace holdfast {

struct EnvAssignment {
  std::string name;
  std::string value;
  int line;  // 1, 2, …: where its name stands
};

// The assignments of a file as systemd's EnvironmentFile= reads it, in order:
//   # comment, ; comment        to the line's end; only where a name may stand
//   NAME=plain value            outer blanks are cut off, \x is x
//   NAME='as it is'             may go on over lines
//   NAME="with \" \\ \` \$"     likewise; any other backslash stays
//   a backslash at a line's end joins the next one; quoted and plain parts
//   join too
// A line without "=" is nothing. Beyond systemd: "export NAME=…" is NAME=….
// InvalidArgument: a quote is not closed, with its line.
absl::StatusOr<std::vector<EnvAssignment>> ParseEnvFile(absl::string_view text);

}  // namespace holdfast
