#pragma once

#include <string>
#include <vector>

namespace holdfast {

// A fuzz target's inputs to begin with, each made to be mutated.
std::vector<std::string> FuzzSeeds();
// Those that are run once as they are, since a run of them takes long.
std::vector<std::string> LargeFuzzSeeds();

}  // namespace holdfast
