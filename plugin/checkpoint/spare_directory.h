#pragma once

#include <string>

#include "absl/strings/string_view.h"
#include "base/files.h"
#include "plugin/checkpoint/layout.h"

namespace holdfast {

// An executor's directory that was made ahead (plugin/launch/spare_pool.h):
//   <executors>/.spare-<id>/{journal, shim.log, sandbox/}
// A launch that takes it gives it the executor's id, writes the intent to the
// journal, and then takes the prefix away. A power cut may take both names
// back, so a spare with an intent is an executor like any other.
std::string SpareName(absl::string_view id);

// The id in it; empty: it is another's name.
absl::string_view IdOfSpare(absl::string_view name);

std::string SparePath(const Layout& layout, absl::string_view id);

// Whether no launch has begun in the spare at `path`: it has no journal, or
// one without a single record. False where that cannot be read.
bool IsUnused(Files& files, const std::string& path);

}  // namespace holdfast
