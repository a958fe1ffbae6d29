#pragma once

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"

namespace holdfast::rpc {

// One block of HTTP/2 headers or trailers, in the order of the wire; names
// are lower case.
using HeaderList = std::vector<std::pair<std::string, std::string>>;

// The first value of `name`, or null. Valid as long as `headers` is unchanged.
inline const std::string* FindHeader(const HeaderList& headers,
                                     absl::string_view name) {
  for (const auto& [key, value] : headers) {
    if (key == name) return &value;
  }
  return nullptr;
}

}  // namespace holdfast::rpc
