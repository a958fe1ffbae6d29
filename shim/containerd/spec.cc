#include "shim/containerd/spec.h"

#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "base/errors.h"
#include "base/files.h"
#include "rapidjson/document.h"
#include "rapidjson/error/en.h"
#include "rapidjson/stringbuffer.h"
#include "rapidjson/writer.h"

namespace holdfast::containerd {
namespace {

using Json = rapidjson::Value;

constexpr size_t kMaxBytes = 16 * 1024 * 1024;

absl::Status WrongType(absl::string_view what, absl::string_view type) {
  return absl::InvalidArgumentError(absl::StrCat(what, ": not ", type));
}

std::string ToString(const Json& text) {
  return std::string(text.GetString(), text.GetStringLength());
}

// The member, or null: it is absent, or is null.
const Json* Find(const Json& object, const char* name) {
  const auto member = object.FindMember(name);
  if (member == object.MemberEnd() || member->value.IsNull()) return nullptr;
  return &member->value;
}

absl::Status ReadAnnotations(const Json& root, Spec& spec) {
  const Json* const annotations = Find(root, "annotations");
  if (annotations == nullptr) return absl::OkStatus();
  if (!annotations->IsObject()) return WrongType("annotations", "an object");
  for (const auto& [name, value] : annotations->GetObject()) {
    if (!value.IsString()) {
      return WrongType("annotation " + ToString(name), "a string");
    }
    spec.annotations[ToString(name)] = ToString(value);
  }
  return absl::OkStatus();
}

// One that is joined (with a path) ends with somebody else's init.
absl::Status ReadNamespaces(const Json& linux, Spec& spec) {
  const Json* const namespaces = Find(linux, "namespaces");
  if (namespaces == nullptr) return absl::OkStatus();
  if (!namespaces->IsArray()) return WrongType("linux.namespaces", "an array");
  for (const Json& each : namespaces->GetArray()) {
    if (!each.IsObject()) return WrongType("linux.namespaces", "of objects");
    const Json* const type = Find(each, "type");
    if (type == nullptr || !type->IsString() || ToString(*type) != "pid") {
      continue;
    }
    const Json* const path = Find(each, "path");
    spec.has_own_pid_namespace =
        path == nullptr || !path->IsString() || path->GetStringLength() == 0;
  }
  return absl::OkStatus();
}

absl::Status ReadLinux(const Json& root, Spec& spec) {
  const Json* const linux = Find(root, "linux");
  if (linux == nullptr) return absl::OkStatus();
  if (!linux->IsObject()) return WrongType("linux", "an object");
  if (const Json* const path = Find(*linux, "cgroupsPath")) {
    if (!path->IsString()) return WrongType("linux.cgroupsPath", "a string");
    spec.cgroups_path = ToString(*path);
  }
  return ReadNamespaces(*linux, spec);
}

absl::Status Parse(absl::string_view json, rapidjson::Document& root) {
  root.Parse<rapidjson::kParseIterativeFlag>(json.data(), json.size());
  if (!root.HasParseError()) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(
      "byte ", root.GetErrorOffset(),
      ": not JSON: ", rapidjson::GetParseError_En(root.GetParseError())));
}

}  // namespace

bool IsSystemdsPath(absl::string_view cgroups_path) {
  const std::vector<absl::string_view> parts =
      absl::StrSplit(cgroups_path, ':');
  return parts.size() == 3 && !parts[2].empty() &&
         (parts[0].empty() || absl::EndsWith(parts[0], ".slice"));
}

absl::StatusOr<std::string> ExecSpec(absl::string_view json, bool terminal) {
  rapidjson::Document root;
  HOLDFAST_RETURN_IF_ERROR(Parse(json, root));
  if (!root.IsObject()) return WrongType("the process", "an object");
  root.RemoveMember("terminal");
  root.AddMember("terminal", terminal, root.GetAllocator());
  rapidjson::StringBuffer text;
  rapidjson::Writer<rapidjson::StringBuffer> writer(text);
  root.Accept(writer);
  return std::string(text.GetString(), text.GetSize());
}

absl::StatusOr<Spec> ParseSpec(absl::string_view json) {
  rapidjson::Document root;
  HOLDFAST_RETURN_IF_ERROR(Parse(json, root));
  if (!root.IsObject()) return WrongType("the whole", "an object");
  Spec spec;
  HOLDFAST_RETURN_IF_ERROR(ReadAnnotations(root, spec));
  HOLDFAST_RETURN_IF_ERROR(ReadLinux(root, spec));
  return spec;
}

absl::StatusOr<Spec> ReadSpec(const std::string& path) {
  HOLDFAST_ASSIGN_OR_RETURN(const std::string json, ReadSmallFile(path));
  if (json.size() > kMaxBytes) {
    return absl::ResourceExhaustedError(
        absl::StrCat(path, ": has ", json.size(), " bytes; at most ", kMaxBytes,
                     " are read"));
  }
  absl::StatusOr<Spec> spec = ParseSpec(json);
  if (!spec.ok()) return Annotate(spec.status(), path);
  return spec;
}

}  // namespace holdfast::containerd
