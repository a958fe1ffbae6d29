#include "shim/containerd/overlay_layers.h"

#include <errno.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "base/errors.h"
#include "shim/containerd/id_map.h"

namespace holdfast::containerd {
namespace {

constexpr char kLayers[] = "lowerdir=";

// The directory that all of `paths` are in, with its slash.
std::string CommonDirectory(const std::vector<std::string>& paths) {
  std::string common = paths.front();
  for (const std::string& path : paths) {
    const auto end =
        std::mismatch(common.begin(), common.end(), path.begin(), path.end());
    common.erase(end.first, common.end());
  }
  return common.substr(0, common.rfind('/') + 1);
}

// Names each layer as it is in the directory that all are in, after `prefix`,
// and returns that. Empty, and nothing is changed: there is none but the root.
std::string Rename(std::vector<std::string>& data, const std::string& prefix) {
  const auto option = std::find_if(
      data.begin(), data.end(),
      [](const std::string& each) { return absl::StartsWith(each, kLayers); });
  if (option == data.end()) return "";
  std::vector<std::string> layers =
      absl::StrSplit(option->substr(sizeof kLayers - 1), ':');
  std::string directory = CommonDirectory(layers);
  if (directory.size() <= 1) return "";
  for (std::string& layer : layers) layer.replace(0, directory.size(), prefix);
  *option = kLayers + absl::StrJoin(layers, ":");
  return directory;
}

}  // namespace

std::string ShortenLayers(std::vector<std::string>& data) {
  const bool fit = absl::StrJoin(data, ",").size() <
                   static_cast<size_t>(sysconf(_SC_PAGESIZE));
  return fit ? "" : Rename(data, "");
}

absl::Status MapLayers(const UniqueFd& user_namespace, const std::string& place,
                       std::vector<std::string>& data) {
  const std::string directory = Rename(data, place + "/");
  if (directory.empty()) {
    return absl::InvalidArgumentError(absl::StrCat(
        absl::StrJoin(data, ","), ": no directory has all layers"));
  }
  if (mkdir(place.c_str(), 0700) != 0) {
    return ErrnoStatus(errno, "make directory", place);
  }
  HOLDFAST_ASSIGN_OR_RETURN(
      const UniqueFd copy,
      CopyMapped(directory, user_namespace, Access::kReadOnly));
  return Attach(copy, place);
}

absl::Status RemoveMappedLayers(const std::string& place) {
  constexpr int kFlags = UMOUNT_NOFOLLOW | MNT_DETACH;
  if (umount2(place.c_str(), kFlags) != 0 && errno != EINVAL &&
      errno != ENOENT) {
    return ErrnoStatus(errno, "unmount", place);
  }
  if (rmdir(place.c_str()) != 0 && errno != ENOENT) {
    return ErrnoStatus(errno, "remove", place);
  }
  return absl::OkStatus();
}

}  // namespace holdfast::containerd
