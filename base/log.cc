#include "base/log.h"

#include <unistd.h>

#include "absl/strings/escaping.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"

namespace holdfast {
namespace {

std::string& Program() {
  static std::string& name = *new std::string("holdfast");
  return name;
}

absl::string_view Name(Severity severity) {
  switch (severity) {
    case Severity::kInfo:
      return "INFO";
    case Severity::kWarning:
      return "WARN";
    case Severity::kError:
      return "ERROR";
  }
  return "?";
}

// A value with a space or a quote in it is quoted, so that a line splits.
std::string Quoted(absl::string_view value) {
  const bool plain = !value.empty() &&
                     value.find_first_of(" \"\n\t=") == absl::string_view::npos;
  if (plain) return std::string(value);
  return absl::StrCat("\"", absl::CEscape(value), "\"");
}

}  // namespace

void SetLogProgram(absl::string_view name) { Program() = std::string(name); }

void Log(Severity severity, absl::string_view message,
         std::initializer_list<LogField> fields) {
  std::string line =
      absl::StrCat(absl::FormatTime("%Y-%m-%dT%H:%M:%E3SZ", absl::Now(),
                                    absl::UTCTimeZone()),
                   " ", Name(severity), " ", Program(), ": ", message);
  for (const LogField& field : fields) {
    absl::StrAppend(&line, " ", field.name, "=", Quoted(field.value));
  }
  line += '\n';
  // A log that cannot be written has nowhere to say so.
  (void)!write(STDERR_FILENO, line.data(), line.size());
}

}  // namespace holdfast
