#include "api/values.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <set>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "api/resources_json.h"
#include "api/value_math.h"

namespace holdfast {
namespace {

absl::Status Invalid(absl::string_view part, absl::string_view why) {
  return absl::InvalidArgumentError(absl::StrCat("\"", part, "\": ", why));
}

// The text between the brackets, or an error.
absl::StatusOr<absl::string_view> Inside(absl::string_view text, char open,
                                         char close) {
  if (text.size() < 2 || text.back() != close) {
    return Invalid(
        text, absl::StrFormat("\"%c\" is not closed by \"%c\"", open, close));
  }
  return absl::StripAsciiWhitespace(text.substr(1, text.size() - 2));
}

absl::StatusOr<v1::Value> ParseRanges(absl::string_view text) {
  const absl::StatusOr<absl::string_view> inside = Inside(text, '[', ']');
  if (!inside.ok()) return inside.status();
  v1::Value value;
  v1::Value::Ranges& ranges = *value.mutable_ranges();
  if (inside->empty()) return value;
  for (const absl::string_view part : absl::StrSplit(*inside, ',')) {
    const std::pair<absl::string_view, absl::string_view> ends =
        absl::StrSplit(part, absl::MaxSplits('-', 1));
    uint64_t begin = 0;
    uint64_t end = 0;
    if (!absl::SimpleAtoi(ends.first, &begin) ||
        !absl::SimpleAtoi(ends.second, &end) || begin > end) {
      return Invalid(text,
                     absl::StrCat("\"", part, "\" is no range, such as 1-10"));
    }
    v1::Value::Range& range = *ranges.add_ranges();
    range.set_begin(begin);
    range.set_end(end);
  }
  Normalize(&value);
  return value;
}

absl::StatusOr<v1::Value> ParseSet(absl::string_view text) {
  const absl::StatusOr<absl::string_view> inside = Inside(text, '{', '}');
  if (!inside.ok()) return inside.status();
  v1::Value value;
  v1::Value::Set& set = *value.mutable_set();
  if (inside->empty()) return value;
  for (const absl::string_view part : absl::StrSplit(*inside, ',')) {
    const absl::string_view item = absl::StripAsciiWhitespace(part);
    if (item.empty()) return Invalid(text, "an item is empty");
    set.add_items(std::string(item));
  }
  Normalize(&value);
  return value;
}

bool IsName(absl::string_view name) {
  return !name.empty() && std::all_of(name.begin(), name.end(), [](char c) {
    return absl::ascii_isgraph(c) && !absl::StrContains("()[]{},;:", c);
  });
}

// name:value
absl::StatusOr<std::pair<absl::string_view, v1::Value>> ParsePair(
    absl::string_view part) {
  const size_t colon = part.find(':');
  if (colon == absl::string_view::npos) {
    return Invalid(part, "not of the form name:value");
  }
  absl::StatusOr<v1::Value> value = ParseValue(part.substr(colon + 1));
  if (!value.ok()) return value.status();
  return std::make_pair(absl::StripAsciiWhitespace(part.substr(0, colon)),
                        *std::move(value));
}

std::vector<absl::string_view> Parts(absl::string_view text) {
  return absl::StrSplit(text, absl::ByAnyChar(";\n"), absl::SkipWhitespace());
}

absl::StatusOr<v1::AgentResource> ParseResource(absl::string_view part) {
  absl::StatusOr<std::pair<absl::string_view, v1::Value>> pair =
      ParsePair(part);
  if (!pair.ok()) return pair.status();
  v1::AgentResource resource;
  absl::string_view name = pair->first;
  absl::string_view role = "*";
  if (const size_t open = name.find('('); open != absl::string_view::npos) {
    role = name.substr(open + 1);
    if (!absl::ConsumeSuffix(&role, ")")) {
      return Invalid(part, "the role is not closed by \")\"");
    }
    name = name.substr(0, open);
  }
  resource.set_name(std::string(name));
  resource.set_role(std::string(role));
  *resource.mutable_value() = std::move(pair->second);
  return resource;
}

absl::Status CheckResource(const v1::AgentResource& resource) {
  const std::string key = ResourceKey(resource);
  if (!IsName(resource.name())) return Invalid(key, "no name of a resource");
  if (!IsName(resource.role())) return Invalid(key, "no name of a role");
  switch (resource.value().value_case()) {
    case v1::Value::kText:
    case v1::Value::VALUE_NOT_SET:
      return Invalid(absl::StrCat(key, ":", resource.value().text()),
                     "allowed: a number, ranges such as [1-10], or a set such "
                     "as {a,b}");
    case v1::Value::kScalar:
      if (resource.value().scalar() < 0) {
        return Invalid(key, "must not be negative");
      }
      break;
    case v1::Value::kRanges:
    case v1::Value::kSet:
      break;
  }
  return absl::OkStatus();
}

absl::Status AddResource(v1::AgentResource resource, v1::AgentInfo* info) {
  if (absl::Status checked = CheckResource(resource); !checked.ok()) {
    return checked;
  }
  Normalize(resource.mutable_value());
  for (v1::AgentResource& there : *info->mutable_resources()) {
    if (ResourceKey(there) != ResourceKey(resource)) continue;
    if (there.value().value_case() != resource.value().value_case()) {
      return Invalid(ResourceKey(resource), "given twice, of two kinds");
    }
    Add(resource.value(), there.mutable_value());
    return absl::OkStatus();
  }
  *info->add_resources() = std::move(resource);
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<v1::Value> ParseValue(absl::string_view text) {
  text = absl::StripAsciiWhitespace(text);
  if (text.empty()) return Invalid(text, "a value is empty");
  if (text.front() == '[') return ParseRanges(text);
  if (text.front() == '{') return ParseSet(text);
  v1::Value value;
  double scalar = 0;
  if (absl::SimpleAtod(text, &scalar) && std::isfinite(scalar)) {
    value.set_scalar(scalar);
    Normalize(&value);
  } else {
    value.set_text(std::string(text));
  }
  return value;
}

absl::Status ParseResources(absl::string_view text, v1::AgentInfo* info) {
  info->clear_resources();
  text = absl::StripAsciiWhitespace(text);
  std::vector<v1::AgentResource> resources;
  if (absl::StartsWith(text, "[")) {
    absl::StatusOr<std::vector<v1::AgentResource>> json =
        ResourcesFromJson(text);
    if (!json.ok()) return json.status();
    resources = *std::move(json);
  } else {
    for (const absl::string_view part : Parts(text)) {
      absl::StatusOr<v1::AgentResource> resource = ParseResource(part);
      if (!resource.ok()) return resource.status();
      resources.push_back(*std::move(resource));
    }
  }
  for (v1::AgentResource& resource : resources) {
    absl::Status added = AddResource(std::move(resource), info);
    if (!added.ok()) return added;
  }
  return absl::OkStatus();
}

absl::Status ParseAttributes(absl::string_view text, v1::AgentInfo* info) {
  info->clear_attributes();
  std::set<std::string> names;
  for (const absl::string_view part : Parts(text)) {
    absl::StatusOr<std::pair<absl::string_view, v1::Value>> pair =
        ParsePair(part);
    if (!pair.ok()) return pair.status();
    if (!IsName(pair->first)) return Invalid(part, "no name of an attribute");
    v1::Attribute& attribute = *info->add_attributes();
    attribute.set_name(std::string(pair->first));
    *attribute.mutable_value() = std::move(pair->second);
    if (!names.insert(attribute.name()).second) {
      return Invalid(attribute.name(), "given twice");
    }
  }
  return absl::OkStatus();
}

std::string FormatValue(const v1::Value& value) {
  switch (value.value_case()) {
    case v1::Value::kScalar: {
      std::string text = absl::StrFormat("%.3f", value.scalar());
      text.erase(text.find_last_not_of('0') + 1);
      if (text.back() == '.') text.pop_back();
      return text;
    }
    case v1::Value::kRanges:
      return absl::StrCat(
          "[",
          absl::StrJoin(value.ranges().ranges(), ",",
                        [](std::string* out, const v1::Value::Range& range) {
                          absl::StrAppend(out, range.begin(), "-", range.end());
                        }),
          "]");
    case v1::Value::kSet:
      return absl::StrCat("{", absl::StrJoin(value.set().items(), ","), "}");
    case v1::Value::kText:
      return value.text();
    case v1::Value::VALUE_NOT_SET:
      return "";
  }
  return "";
}

std::string ResourceKey(const v1::AgentResource& resource) {
  if (resource.role() == "*") return resource.name();
  return absl::StrCat(resource.name(), "(", resource.role(), ")");
}

std::string FormatResources(const v1::AgentInfo& info) {
  return absl::StrJoin(info.resources(), ";",
                       [](std::string* out, const v1::AgentResource& resource) {
                         absl::StrAppend(out, ResourceKey(resource), ":",
                                         FormatValue(resource.value()));
                       });
}

std::string FormatAttributes(const v1::AgentInfo& info) {
  return absl::StrJoin(info.attributes(), ";",
                       [](std::string* out, const v1::Attribute& attribute) {
                         absl::StrAppend(out, attribute.name(), ":",
                                         FormatValue(attribute.value()));
                       });
}

}  // namespace holdfast
