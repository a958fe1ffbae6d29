#include "cgroups/mountinfo.h"

#include <algorithm>
#include <optional>

#include "absl/strings/str_split.h"

namespace holdfast {
namespace {

// A mount of any file system, as one line of mountinfo has it:
//   36 35 98:0 /root /mount/point rw,noatime shared:1 - type source rw,errors=…
// with any number of words, none too, where "shared:1" stands.
struct Mount {
  std::string path;
  std::string type;
  std::vector<std::string> mount_options;
  std::vector<std::string> super_options;
};

bool IsOctal(char c) { return c >= '0' && c <= '7'; }

// Blank, tab, newline and backslash are written as \040, \011, \012, \134.
std::string Unescape(absl::string_view word) {
  std::string plain;
  for (size_t i = 0; i < word.size(); ++i) {
    if (word[i] == '\\' && i + 3 < word.size() && IsOctal(word[i + 1]) &&
        IsOctal(word[i + 2]) && IsOctal(word[i + 3])) {
      plain += static_cast<char>((word[i + 1] - '0') * 64 +
                                 (word[i + 2] - '0') * 8 + (word[i + 3] - '0'));
      i += 3;
    } else {
      plain += word[i];
    }
  }
  return plain;
}

std::optional<Mount> ParseLine(absl::string_view line) {
  const std::vector<std::string> words = absl::StrSplit(line, ' ');
  if (words.size() < 7) return std::nullopt;
  const auto dash = std::find(words.begin() + 6, words.end(), "-");
  if (words.end() - dash < 4) return std::nullopt;
  return Mount{.path = Unescape(words[4]),
               .type = dash[1],
               .mount_options = absl::StrSplit(words[5], ','),
               .super_options = absl::StrSplit(dash[3], ',')};
}

bool Contains(const std::vector<std::string>& words, absl::string_view word) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

}  // namespace

bool CgroupMount::HasOption(absl::string_view option) const {
  return Contains(options, option);
}

std::vector<CgroupMount> ParseCgroupMounts(absl::string_view mountinfo) {
  std::vector<CgroupMount> mounts;
  for (absl::string_view line : absl::StrSplit(mountinfo, '\n')) {
    const std::optional<Mount> mount = ParseLine(line);
    if (!mount.has_value()) continue;
    mounts.erase(std::remove_if(mounts.begin(), mounts.end(),
                                [&](const CgroupMount& earlier) {
                                  return earlier.path == mount->path;
                                }),
                 mounts.end());
    if (mount->type != "cgroup" && mount->type != "cgroup2") continue;
    mounts.push_back({.path = mount->path,
                      .is_v2 = mount->type == "cgroup2",
                      .read_only = Contains(mount->mount_options, "ro") ||
                                   Contains(mount->super_options, "ro"),
                      .options = mount->super_options});
  }
  return mounts;
}

}  // namespace holdfast
