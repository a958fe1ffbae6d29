#include "plugin/flags/env_file.h"

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

namespace holdfast {
namespace {

class Reader {
 public:
  explicit Reader(absl::string_view text) : rest_(text) {}

  absl::StatusOr<std::vector<EnvAssignment>> ReadAll() {
    std::vector<EnvAssignment> assignments;
    while (true) {
      SkipBlanks();
      if (rest_.empty()) return assignments;
      if (rest_.front() == '#' || rest_.front() == ';') {
        SkipComment();
        continue;
      }
      EnvAssignment assignment;
      assignment.line = line_;
      if (!ReadName(&assignment.name)) continue;
      if (absl::Status read = ReadValue(&assignment.value); !read.ok()) {
        return read;
      }
      assignments.push_back(std::move(assignment));
    }
  }

 private:
  char Take() {
    const char taken = rest_.front();
    rest_.remove_prefix(1);
    if (taken == '\n') ++line_;
    return taken;
  }

  bool AtLineEnd() const { return rest_.empty() || rest_.front() == '\n'; }

  void SkipBlanks() {
    while (!rest_.empty() && absl::ascii_isspace(rest_.front())) Take();
  }

  void SkipComment() {
    while (!AtLineEnd()) {
      if (Take() == '\\' && !rest_.empty()) Take();
    }
  }

  // False: the line assigns nothing; it has been skipped.
  bool ReadName(std::string* name) {
    while (!AtLineEnd() && rest_.front() != '=') *name += Take();
    if (AtLineEnd()) return false;
    Take();
    absl::string_view word = absl::StripAsciiWhitespace(*name);
    absl::string_view exported = word;
    if (absl::ConsumePrefix(&exported, "export") && !exported.empty() &&
        absl::ascii_isspace(exported.front())) {
      word = absl::StripAsciiWhitespace(exported);
    }
    *name = std::string(word);
    return true;
  }

  absl::Status ReadValue(std::string* value) {
    size_t keep = 0;     // trailing blanks after it are cut off
    bool begun = false;  // a plain part; blanks before one are cut off
    while (!AtLineEnd()) {
      const char c = Take();
      if (!begun && (c == '"' || c == '\'')) {
        absl::Status quoted = ReadQuoted(c, value);
        if (!quoted.ok()) return quoted;
        keep = value->size();
      } else if (c == '\\') {
        if (rest_.empty()) break;
        begun = true;
        if (const char escaped = Take(); escaped != '\n') *value += escaped;
        keep = value->size();
      } else if (begun || !absl::ascii_isspace(c)) {
        begun = true;
        *value += c;
        if (!absl::ascii_isspace(c)) keep = value->size();
      }
    }
    value->resize(keep);
    return absl::OkStatus();
  }

  absl::Status ReadQuoted(char quote, std::string* value) {
    const int line = line_;
    while (!rest_.empty()) {
      const char c = Take();
      if (c == quote) return absl::OkStatus();
      if (quote == '"' && c == '\\' && !rest_.empty()) {
        const char escaped = Take();
        if (escaped == '\n') continue;
        if (!absl::StrContains("\"\\`$", escaped)) *value += '\\';
        *value += escaped;
      } else {
        *value += c;
      }
    }
    return absl::InvalidArgumentError(
        absl::StrCat(line, ": the quote that begins here is not closed"));
  }

  absl::string_view rest_;
  int line_ = 1;
};

}  // namespace

absl::StatusOr<std::vector<EnvAssignment>> ParseEnvFile(
    absl::string_view text) {
  return Reader(text).ReadAll();
}

}  // namespace holdfast
