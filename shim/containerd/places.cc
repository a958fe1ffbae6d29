#include "shim/containerd/places.h"

#include <stdlib.h>
#include <unistd.h>

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "base/crc32c.h"
#include "base/errors.h"
#include "base/volatile_files.h"

namespace holdfast::containerd {
namespace {

constexpr size_t kMaxDaemon = 128;

std::string FromEnvironment(const char* name, const char* otherwise) {
  const char* value = getenv(name);
  return value != nullptr && *value == '/' ? value : otherwise;
}

std::string NameOfDaemon(absl::string_view address) {
  absl::string_view path = address;
  while (!path.empty() && path[0] == '/') path.remove_prefix(1);
  std::string name(path);
  std::replace(name.begin(), name.end(), '/', '-');
  if (name.empty()) name = "none";
  if (name.size() <= kMaxDaemon) return name;
  return absl::StrCat(name.substr(name.size() - kMaxDaemon), "-",
                      absl::Hex(Crc32c(address)));
}

}  // namespace

std::string Places::TaskDirectory(absl::string_view id) const {
  return absl::StrCat(tasks, "/", id);
}

std::string Places::GroupDirectory(absl::string_view group) const {
  return absl::StrCat(groups, "/", group);
}

Places PlacesOf(absl::string_view address, absl::string_view name_space) {
  const std::string work =
      FromEnvironment("HOLDFAST_WORK_DIR", "/var/lib/holdfast");
  const std::string runtime =
      FromEnvironment("HOLDFAST_RUNTIME_DIR", "/run/holdfast");
  const std::string daemon =
      absl::StrCat("/containerd/", NameOfDaemon(address), "/", name_space);
  return {work + daemon, runtime + daemon, runtime + "/s"};
}

absl::Status MakeDirectories(const std::string& path) {
  Files& files = VolatileFiles();
  for (size_t slash = 0; slash != std::string::npos;) {
    slash = path.find('/', slash + 1);
    const std::string part = path.substr(0, slash);
    if (access(part.c_str(), F_OK) == 0) continue;
    HOLDFAST_RETURN_IF_ERROR(files.MakeDirectory(part, 0711));
  }
  return absl::OkStatus();
}

}  // namespace holdfast::containerd
