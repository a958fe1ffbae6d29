#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace holdfast {

// All that we use libcgroup for: one value in, one file out. It is not asked
// to remove groups (it moves their processes to the parent and calls that
// success), to make them (on v2 it needs the parents) or for the words of its
// errors (it reads past its table for codes it does not know).
class LibcgroupSession {
 public:
  // Initialises the library, once a process, before its threads: other calls
  // fail at random meanwhile. Later calls give what the first one gave.
  static absl::StatusOr<LibcgroupSession> Open();

  // `group` is relative to the mount of `controller`.
  // NotFound: no such group or file. FailedPrecondition: the kernel cannot do
  // it now (EBUSY: more is in use than the limit). InvalidArgument: it never
  // takes this value.
  absl::Status Set(const std::string& controller, const std::string& group,
                   const std::string& file, const std::string& value) const;

  // The whole content.
  absl::StatusOr<std::string> Read(const std::string& controller,
                                   const std::string& group,
                                   const std::string& file) const;

 private:
  LibcgroupSession() = default;
};

}  // namespace holdfast
