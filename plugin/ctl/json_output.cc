#include "plugin/ctl/json_output.h"

#include <charconv>
#include <cmath>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "google/protobuf/descriptor.h"
#include "google/protobuf/util/json_util.h"

namespace holdfast::ctl {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;

std::string Quoted(const std::string& text) {
  std::string quoted = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      quoted += {'\\', c};
    } else if (c == '\n') {
      quoted += "\\n";
    } else if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) {
      absl::StrAppendFormat(&quoted, "\\u%04x", c);
    } else {
      quoted += c;  // UTF-8 stays as it is
    }
  }
  return quoted + "\"";
}

template <typename Float>
std::string Number(Float number) {
  if (std::isnan(number)) return "\"NaN\"";
  if (std::isinf(number)) return number > 0 ? "\"Infinity\"" : "\"-Infinity\"";
  char digits[64];  // the shortest form takes at most 24
  const auto end = std::to_chars(digits, digits + sizeof(digits), number).ptr;
  return std::string(digits, end);
}

class Printer {
 public:
  explicit Printer(bool indented) : indented_(indented) {}

  std::string Object(const Message& message, int depth) const;

 private:
  std::string Break(int depth) const {
    return indented_ ? absl::StrCat("\n", std::string(2 * depth, ' ')) : "";
  }
  std::string Field(const Message& message, const FieldDescriptor* field,
                    int depth) const;
  std::string Array(const Message& message, const FieldDescriptor* field,
                    int depth) const;
  // `index`: -1 for a field that is not repeated.
  std::string Value(const Message& message, const FieldDescriptor* field,
                    int index, int depth) const;

  bool indented_;
};

// Durations and timestamps, whose JSON is a string of their own.
bool IsWellKnown(const Descriptor* type) {
  return absl::StartsWith(type->full_name(), "google.protobuf.");
}

bool IsShown(const Message& message, const FieldDescriptor* field) {
  if (field->is_repeated()) return true;
  const bool chosen_or_message =
      field->real_containing_oneof() != nullptr ||
      field->cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE;
  return !chosen_or_message ||
         message.GetReflection()->HasField(message, field);
}

std::string Printer::Object(const Message& message, int depth) const {
  const Descriptor* type = message.GetDescriptor();
  std::string text;
  if (IsWellKnown(type)) {
    // It fails for values out of range, which then are null.
    const bool ok =
        google::protobuf::util::MessageToJsonString(message, &text).ok();
    return ok ? text : "null";
  }
  for (int i = 0; i < type->field_count(); ++i) {
    const FieldDescriptor* field = type->field(i);
    if (!IsShown(message, field)) continue;
    absl::StrAppend(&text, text.empty() ? "" : ",", Break(depth + 1),
                    Quoted(field->name()), indented_ ? ": " : ":",
                    Field(message, field, depth + 1));
  }
  return text.empty() ? "{}" : absl::StrCat("{", text, Break(depth), "}");
}

std::string Printer::Field(const Message& message, const FieldDescriptor* field,
                           int depth) const {
  if (field->is_repeated()) return Array(message, field, depth);
  if (field->has_presence() &&
      !message.GetReflection()->HasField(message, field)) {
    return "null";
  }
  return Value(message, field, -1, depth);
}

std::string Printer::Array(const Message& message, const FieldDescriptor* field,
                           int depth) const {
  const int size = message.GetReflection()->FieldSize(message, field);
  std::string text;
  for (int i = 0; i < size; ++i) {
    absl::StrAppend(&text, text.empty() ? "" : ",", Break(depth + 1),
                    Value(message, field, i, depth + 1));
  }
  return text.empty() ? "[]" : absl::StrCat("[", text, Break(depth), "]");
}

std::string Printer::Value(const Message& message, const FieldDescriptor* field,
                           int index, int depth) const {
  const Reflection* reflection = message.GetReflection();
  const auto get = [&](auto one, auto of_many) {
    return index < 0 ? (reflection->*one)(message, field)
                     : (reflection->*of_many)(message, field, index);
  };
  switch (field->cpp_type()) {
    case FieldDescriptor::CPPTYPE_BOOL:
      return get(&Reflection::GetBool, &Reflection::GetRepeatedBool) ? "true"
                                                                     : "false";
    case FieldDescriptor::CPPTYPE_INT32:
      return absl::StrCat(
          get(&Reflection::GetInt32, &Reflection::GetRepeatedInt32));
    case FieldDescriptor::CPPTYPE_UINT32:
      return absl::StrCat(
          get(&Reflection::GetUInt32, &Reflection::GetRepeatedUInt32));
    case FieldDescriptor::CPPTYPE_INT64:
      return Quoted(absl::StrCat(
          get(&Reflection::GetInt64, &Reflection::GetRepeatedInt64)));
    case FieldDescriptor::CPPTYPE_UINT64:
      return Quoted(absl::StrCat(
          get(&Reflection::GetUInt64, &Reflection::GetRepeatedUInt64)));
    case FieldDescriptor::CPPTYPE_FLOAT:
      return Number(get(&Reflection::GetFloat, &Reflection::GetRepeatedFloat));
    case FieldDescriptor::CPPTYPE_DOUBLE:
      return Number(
          get(&Reflection::GetDouble, &Reflection::GetRepeatedDouble));
    case FieldDescriptor::CPPTYPE_ENUM:
      // A number that has no name yet is UNKNOWN_ENUM_VALUE_… to reflection.
      if (const int number =
              get(&Reflection::GetEnumValue, &Reflection::GetRepeatedEnumValue);
          field->enum_type()->FindValueByNumber(number) == nullptr) {
        return absl::StrCat(number);
      }
      return Quoted(
          get(&Reflection::GetEnum, &Reflection::GetRepeatedEnum)->name());
    case FieldDescriptor::CPPTYPE_STRING: {
      const std::string text =
          get(&Reflection::GetString, &Reflection::GetRepeatedString);
      return Quoted(field->type() == FieldDescriptor::TYPE_BYTES
                        ? absl::Base64Escape(text)
                        : text);
    }
    case FieldDescriptor::CPPTYPE_MESSAGE:
      return Object(index < 0
                        ? reflection->GetMessage(message, field)
                        : reflection->GetRepeatedMessage(message, field, index),
                    depth);
  }
  return "null";
}

}  // namespace

std::string JsonLine(const Message& message) {
  return Printer(/*indented=*/false).Object(message, 0) + "\n";
}

std::string JsonIndented(const Message& message, int depth) {
  return Printer(/*indented=*/true).Object(message, depth);
}

std::string JsonText(const Message& message) {
  return JsonIndented(message, 0) + "\n";
}

}  // namespace holdfast::ctl
