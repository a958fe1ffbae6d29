#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace holdfast::ctl {

enum class OutputFormat { kTable, kJson };

// Options that every command takes, before its name and after it.
struct Globals {
  std::string socket_path;  // --address, where it was given
  OutputFormat format = OutputFormat::kTable;
  std::optional<absl::Duration> timeout;  // --timeout, where it was given
  bool help = false;
  bool version = false;
};

// A command line by getopt_long(3), the globals among it. One parser reads
// one line: the variables given to it are set as the options come.
class OptionParser {
 public:
  using Take = std::function<absl::Status(absl::string_view)>;

  explicit OptionParser(Globals& globals);

  // `letter`: 0 for an option that has none. `name` must outlive the parser.
  void AddFlag(char letter, const char* name, bool* value);
  void AddText(char letter, const char* name, std::string* value);
  void AddDuration(char letter, const char* name,
                   std::optional<absl::Duration>* value);
  void Add(char letter, const char* name, Take take);

  // The operands. A usage error names the option; HelpAsked() after --help
  // and --version.
  absl::StatusOr<std::vector<std::string>> Parse(int argc, char** argv);
  // The same, where the first operand ends the options, as another command's
  // name does; the rest is not looked at.
  absl::StatusOr<std::vector<std::string>> ParseUpToOperand(int argc,
                                                            char** argv);

 private:
  struct Option {
    char letter;
    const char* name;
    bool has_argument;
    Take take;
  };

  absl::StatusOr<std::vector<std::string>> Run(int argc, char** argv,
                                               std::string letters);

  Globals& globals_;
  std::vector<Option> options_;
};

// "holdfastctl NAME OPTION… OPERAND…": argv[0] is the command's name.
struct Invocation {
  Globals globals;
  int argc;
  char** argv;
};

// Usage errors for the wrong number of operands; `what` as in "TASK_ID".
absl::Status ExpectNone(const std::vector<std::string>& operands);
absl::Status ExpectOne(const std::vector<std::string>& operands,
                       absl::string_view what);
absl::Status ExpectSome(const std::vector<std::string>& operands,
                        absl::string_view what);

}  // namespace holdfast::ctl
