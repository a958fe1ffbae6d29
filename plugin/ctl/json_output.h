#pragma once

#include <string>

#include "google/protobuf/message.h"

namespace holdfast::ctl {

// proto3 JSON with the proto's own field names, in the fields' order: 64-bit
// numbers and well-known types as strings, enums by name, bytes in base64.
// Primitive fields and repeated ones are always there; an `optional` one that
// is not set is null, so that every row has the same keys. Messages that are
// not set, and the members of a oneof that was not chosen, are left out.
std::string JsonLine(const google::protobuf::Message& message);

// The same over several lines, indented by two spaces; with a line's end.
std::string JsonText(const google::protobuf::Message& message);

// One array, of any repeated field of messages.
template <typename Messages>
std::string JsonArray(const Messages& messages);

// What JsonArray is made of.
std::string JsonIndented(const google::protobuf::Message& message, int depth);

template <typename Messages>
std::string JsonArray(const Messages& messages) {
  std::string text = "[";
  for (const auto& message : messages) {
    text += text.size() == 1 ? "\n  " : ",\n  ";
    text += JsonIndented(message, 1);
  }
  return text + (text.size() == 1 ? "]\n" : "\n]\n");
}

}  // namespace holdfast::ctl
