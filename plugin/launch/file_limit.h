#pragma once

#include <sys/resource.h>

#include <optional>

namespace holdfast {

// A thousand executors are a thousand connections: raises the soft limit of
// open files to the hard one. Once, before there are threads.
void RaiseFileLimit();

// What it was before; nothing: it was not raised.
std::optional<rlimit> OriginalFileLimit();

}  // namespace holdfast
