#pragma once

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "base/unique_fd.h"

namespace holdfast::containerd {

// `data` are the options of an overlay that are not the kernel's flags.

// The kernel takes a page of data, which the layers of an image of 50 exceed:
// their paths are made relative to a directory, which is returned. Empty: there
// is nothing to be made shorter.
std::string ShortenLayers(std::vector<std::string>& data);

// Lets the files of the lower layers belong to whom `user_namespace` maps their
// owners to: `data` is changed to name them through a mount on `place`, which
// is made, of the directory that they are all in. An overlay holds its layers:
// once it is mounted, or has failed, the place goes.
absl::Status MapLayers(const UniqueFd& user_namespace, const std::string& place,
                       std::vector<std::string>& data);
// OK where it is not there.
absl::Status RemoveMappedLayers(const std::string& place);

}  // namespace holdfast::containerd
