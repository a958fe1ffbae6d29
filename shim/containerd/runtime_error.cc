#include "shim/containerd/runtime_error.h"

#include <rapidjson/document.h>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace holdfast::containerd {
namespace {

// Its message if the line is one of an error. False: it is no JSON.
bool ReadLine(absl::string_view line, std::string& error) {
  rapidjson::Document entry;
  entry.Parse(line.data(), line.size());
  if (entry.HasParseError() || !entry.IsObject()) return false;
  const auto level = entry.FindMember("level");
  const auto message = entry.FindMember("msg");
  if (level == entry.MemberEnd() || message == entry.MemberEnd()) return true;
  if (!level->value.IsString() || !message->value.IsString()) return true;
  const absl::string_view name(level->value.GetString(),
                               level->value.GetStringLength());
  if (name == "error" || name == "fatal" || name == "panic") {
    error.assign(message->value.GetString(), message->value.GetStringLength());
  }
  return true;
}

// crun names the files of its state, runc the thing.
bool SaysNoSuchContainer(absl::string_view error, absl::string_view id) {
  if (absl::StrContains(error, "does not exist")) return true;
  return absl::EndsWith(error, "No such file or directory") &&
         (absl::StrContains(error, absl::StrCat("/", id, "/status`")) ||
          absl::StrContains(error, absl::StrCat("/", id, "'")));
}

bool SaysItHasEnded(absl::string_view error) {
  return absl::StrContains(error, "process already finished") ||
         absl::StrContains(error, "container not running") ||
         absl::StrContains(absl::AsciiStrToLower(error), "no such process");
}

}  // namespace

std::string LastRuntimeError(absl::string_view log) {
  std::string error;
  std::string plain;
  for (absl::string_view line : absl::StrSplit(log, '\n')) {
    line = absl::StripAsciiWhitespace(line);
    if (!line.empty() && !ReadLine(line, error)) plain = std::string(line);
  }
  return error.empty() ? plain : error;
}

absl::Status RuntimeStatus(absl::string_view command, absl::string_view id,
                           const ChildExit& exit, absl::string_view log) {
  if (exit.status() == 0) return absl::OkStatus();
  std::string error = LastRuntimeError(log);
  if (command == "kill" && SaysItHasEnded(error)) {
    return absl::NotFoundError("process already finished");
  }
  if (command == "kill" && SaysNoSuchContainer(error, id)) {
    return absl::NotFoundError("no such container");
  }
  if (error.empty()) {
    error = exit.signal != 0 ? absl::StrCat("killed by signal ", exit.signal)
                             : absl::StrCat("exit status ", exit.code);
  }
  const std::string text =
      absl::StrCat("OCI runtime ", command, " failed: ", error);
  if (command == "delete" && SaysNoSuchContainer(error, id)) {
    return absl::NotFoundError(text);
  }
  return absl::UnknownError(text);
}

}  // namespace holdfast::containerd
