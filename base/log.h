#pragma once

#include <initializer_list>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"

namespace holdfast {

// One line on stderr, whole even when several processes share the file:
//   2026-11-23T16:00:00.123Z WARN shim: journal grew slowly executor=e-7 ms=12
// The one who decides logs, once, with the ids; those below only return.
enum class Severity { kInfo, kWarning, kError };

struct LogField {
  absl::string_view name;
  std::string value;

  // Any value that StrCat takes.
  LogField(absl::string_view field, const absl::AlphaNum& number)
      : name(field), value(number.Piece()) {}
};

void Log(Severity severity, absl::string_view message,
         std::initializer_list<LogField> fields = {});

// What stands before the message ("holdfastd", "shim"); set once in main().
void SetLogProgram(absl::string_view name);

}  // namespace holdfast
