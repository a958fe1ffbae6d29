// holdfastctl: finds the command, runs it, and turns its end into an exit
// code and one line.
#include <string>

#include "absl/strings/str_cat.h"
#include "base/errors.h"
#include "base/version.h"
#include "plugin/ctl/commands.h"
#include "plugin/ctl/failure.h"
#include "plugin/ctl/output.h"

namespace holdfast::ctl {
namespace {

const Command* Find(absl::string_view name) {
  for (const Command& command : Commands()) {
    if (command.name == name) return &command;
  }
  return nullptr;
}

absl::StatusOr<int> PrintAndExit(absl::string_view text) {
  HOLDFAST_RETURN_IF_ERROR(Print(text));
  return 0;
}

absl::StatusOr<int> PrintVersion() {
  return PrintAndExit(absl::StrCat("holdfastctl ", kVersion, "\n"));
}

absl::StatusOr<int> RunCommand(const Command& command, Invocation& invocation) {
  absl::StatusOr<int> exit_code = command.run(invocation);
  if (invocation.globals.version) return PrintVersion();
  if (IsHelpAsked(exit_code.status())) return PrintAndExit(Usage(command));
  if (IsUsageError(exit_code.status())) {
    return UsageError(
        absl::StrCat(command.name, ": ", exit_code.status().message(),
                     " (see holdfastctl ", command.name, " --help)"));
  }
  return exit_code;
}

// `holdfastctl help [COMMAND]`
absl::StatusOr<int> Help(const std::vector<std::string>& words) {
  if (words.size() < 2) return PrintAndExit(Usage());
  const Command* command = Find(words[1]);
  if (command == nullptr) {
    return UsageError(absl::StrCat("unknown command \"", words[1],
                                   "\" (see holdfastctl --help)"));
  }
  return PrintAndExit(Usage(*command));
}

absl::StatusOr<int> Main(int argc, char** argv) {
  Invocation invocation;
  OptionParser parser(invocation.globals);
  const auto words = parser.ParseUpToOperand(argc, argv);
  if (invocation.globals.version) return PrintVersion();
  if (IsHelpAsked(words.status())) return PrintAndExit(Usage());
  if (!words.ok()) {
    return UsageError(
        absl::StrCat(words.status().message(), " (see holdfastctl --help)"));
  }
  if (words->empty()) {
    return UsageError("needs a command (see holdfastctl --help)");
  }
  if (words->front() == "help") return Help(*words);
  const Command* command = Find(words->front());
  if (command == nullptr) {
    return UsageError(absl::StrCat("unknown command \"", words->front(),
                                   "\" (see holdfastctl --help)"));
  }
  invocation.argc = static_cast<int>(words->size());
  invocation.argv = argv + (argc - invocation.argc);
  return RunCommand(*command, invocation);
}

}  // namespace
}  // namespace holdfast::ctl

int main(int argc, char** argv) {
  const absl::StatusOr<int> exit_code = holdfast::ctl::Main(argc, argv);
  if (exit_code.ok()) return *exit_code;
  if (!exit_code.status().message().empty()) {
    holdfast::ctl::Say(exit_code.status().message());
  }
  return holdfast::ctl::ExitCodeOf(exit_code.status());
}
