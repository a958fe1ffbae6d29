#pragma once

#include <string>

namespace holdfast {

// A random (version 4) UUID in its usual form of 36 characters.
std::string RandomUuid();

}  // namespace holdfast
