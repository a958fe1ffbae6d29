#include "api/resources_json.h"

#include <google/protobuf/struct.pb.h>
#include <google/protobuf/util/json_util.h>

#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "api/value_math.h"

namespace holdfast {
namespace {

using Json = google::protobuf::Value;

const Json& Member(const Json& object, const std::string& name) {
  static const Json& none = *new Json();
  const auto& fields = object.struct_value().fields();
  const auto found = fields.find(name);
  return found == fields.end() ? none : found->second;
}

// Whole and not negative, as all numbers of ranges are.
bool ToNumber(const Json& json, uint64_t* number) {
  const double value = json.number_value();
  *number = value >= 0 && value < 1e15 ? static_cast<uint64_t>(value) : 0;
  return json.kind_case() == Json::kNumberValue &&
         static_cast<double>(*number) == value;
}

bool ToRanges(const Json& json, v1::Value::Ranges* ranges) {
  for (const Json& one : Member(json, "range").list_value().values()) {
    uint64_t begin = 0;
    uint64_t end = 0;
    if (!ToNumber(Member(one, "begin"), &begin) ||
        !ToNumber(Member(one, "end"), &end) || begin > end) {
      return false;
    }
    v1::Value::Range& range = *ranges->add_ranges();
    range.set_begin(begin);
    range.set_end(end);
  }
  return true;
}

bool ToSet(const Json& json, v1::Value::Set* set) {
  for (const Json& one : Member(json, "item").list_value().values()) {
    if (one.string_value().empty()) return false;
    set->add_items(one.string_value());
  }
  return true;
}

bool ToValue(const Json& json, v1::Value* value) {
  const std::string& type = Member(json, "type").string_value();
  if (type == "SCALAR") {
    const Json& number = Member(Member(json, "scalar"), "value");
    value->set_scalar(number.number_value());
    return number.kind_case() == Json::kNumberValue;
  }
  if (type == "RANGES") {
    return ToRanges(Member(json, "ranges"), value->mutable_ranges());
  }
  return type == "SET" && ToSet(Member(json, "set"), value->mutable_set());
}

// The last reservation's role, as Mesos counts; else the old form's.
std::string Role(const Json& json) {
  const auto& reservations = Member(json, "reservations").list_value();
  const Json& holder =
      reservations.values().empty()
          ? json
          : reservations.values(reservations.values_size() - 1);
  const std::string& role = Member(holder, "role").string_value();
  return role.empty() ? "*" : role;
}

}  // namespace

absl::StatusOr<std::vector<v1::AgentResource>> ResourcesFromJson(
    absl::string_view text) {
  google::protobuf::ListValue list;
  const auto parsed =
      google::protobuf::util::JsonStringToMessage(std::string(text), &list);
  if (!parsed.ok()) {
    return absl::InvalidArgumentError(
        absl::StrCat("no JSON: ", parsed.message().ToString()));
  }
  std::vector<v1::AgentResource> resources;
  for (const Json& json : list.values()) {
    v1::AgentResource& resource = resources.emplace_back();
    resource.set_name(Member(json, "name").string_value());
    resource.set_role(Role(json));
    if (!ToValue(json, resource.mutable_value())) {
      return absl::InvalidArgumentError(absl::StrCat(
          "resource ", resources.size(), " \"", resource.name(),
          "\": its type must be SCALAR, RANGES or SET, with a value of it"));
    }
  }
  return resources;
}

}  // namespace holdfast
