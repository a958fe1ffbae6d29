#include "cgroups/libcgroup_session.h"

#include <libcgroup.h>

#include <memory>

#include "absl/strings/str_cat.h"
#include "base/errors.h"

namespace holdfast {
namespace {

struct FreeCgroup {
  void operator()(cgroup* group) const { cgroup_free(&group); }
};
using UniqueCgroup = std::unique_ptr<cgroup, FreeCgroup>;

// The codes that our three calls can give, in our words.
absl::Status FromCode(int code, absl::string_view call,
                      absl::string_view object) {
  const auto make = [&](absl::StatusCode status_code, absl::string_view text) {
    return absl::Status(status_code,
                        absl::StrCat(call, " ", object, ": ", text));
  };
  switch (code) {
    case 0:
      return absl::OkStatus();
    case ECGOTHER:
      return ErrnoStatus(cgroup_get_last_errno(), call, object);
    case ECGROUPNOTMOUNTED:
    case ECGROUPSUBSYSNOTMOUNTED:
      return make(absl::StatusCode::kFailedPrecondition,
                  "the controller is not mounted");
    case ECGROUPNOTEXIST:
      return make(absl::StatusCode::kNotFound, "no such group");
    case ECGROUPVALUENOTEXIST:
      return make(absl::StatusCode::kNotFound, "no such file in the group");
    case ECGROUPNOTOWNER:
    case ECGROUPNOTALLOWED:
      return make(absl::StatusCode::kPermissionDenied, "not allowed");
    case ECGINVAL:
      return make(absl::StatusCode::kInvalidArgument, "invalid value");
    default:
      return make(absl::StatusCode::kInternal,
                  absl::StrCat("libcgroup error ", code));
  }
}

std::string Describe(const std::string& group, const std::string& file) {
  return absl::StrCat(group, "/", file);
}

absl::Status OutOfMemory(absl::string_view object) {
  return absl::ResourceExhaustedError(
      absl::StrCat("set ", object, ": out of memory"));
}

}  // namespace

absl::StatusOr<LibcgroupSession> LibcgroupSession::Open() {
  static const int code = cgroup_init();
  HOLDFAST_RETURN_IF_ERROR(FromCode(code, "cgroup_init", "libcgroup"));
  return LibcgroupSession();
}

absl::Status LibcgroupSession::Set(const std::string& controller,
                                   const std::string& group,
                                   const std::string& file,
                                   const std::string& value) const {
  const std::string object = absl::StrCat(Describe(group, file), " to ", value);
  const UniqueCgroup target(cgroup_new_cgroup(group.c_str()));
  if (target == nullptr) return OutOfMemory(object);
  cgroup_controller* part =
      cgroup_add_controller(target.get(), controller.c_str());
  if (part == nullptr) return OutOfMemory(object);
  HOLDFAST_RETURN_IF_ERROR(
      FromCode(cgroup_add_value_string(part, file.c_str(), value.c_str()),
               "set", object));
  return FromCode(cgroup_modify_cgroup(target.get()), "set", object);
}

absl::StatusOr<std::string> LibcgroupSession::Read(
    const std::string& controller, const std::string& group,
    const std::string& file) const {
  std::string name = file;  // the library takes a char*
  std::string content;
  char buffer[512];
  void* handle = nullptr;
  int code =
      cgroup_read_value_begin(controller.c_str(), group.c_str(), name.data(),
                              &handle, buffer, static_cast<int>(sizeof buffer));
  while (code == 0) {
    content += buffer;
    code = cgroup_read_value_next(&handle, buffer,
                                  static_cast<int>(sizeof buffer));
  }
  if (handle != nullptr) cgroup_read_value_end(&handle);
  if (code != ECGEOF) return FromCode(code, "read", Describe(group, file));
  return content;
}

}  // namespace holdfast
