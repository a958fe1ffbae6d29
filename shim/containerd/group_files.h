#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "absl/strings/string_view.h"

namespace holdfast::containerd {

// The files of one group. What cannot be read is empty, or unset.
class GroupFiles {
 public:
  // "": there is no such group; nothing can be read.
  explicit GroupFiles(std::string directory)
      : directory_(std::move(directory)) {}

  bool exists() const;
  std::string Text(absl::string_view file) const;
  // Of a file of one number; "max" is `max`.
  std::optional<uint64_t> Number(absl::string_view file,
                                 uint64_t max = 0) const;
  // Calls for each line "key number" of a file.
  void ForEachKey(
      absl::string_view file,
      const std::function<void(absl::string_view, uint64_t)>& call) const;

 private:
  std::string directory_;
};

// A number of a keyed file, and where a message has it.
template <typename Message>
struct Field {
  const char* key;
  void (Message::*set)(uint64_t);
};

template <typename Message, size_t count>
void Fill(const GroupFiles& group, absl::string_view file,
          const Field<Message> (&fields)[count], Message& message) {
  group.ForEachKey(file, [&](absl::string_view key, uint64_t value) {
    for (const Field<Message>& field : fields) {
      if (key == field.key) (message.*field.set)(value);
    }
  });
}

}  // namespace holdfast::containerd
