#pragma once

#include <set>
#include <string>

#include "tests/crash/failpoint_directory.h"

namespace holdfast {

// Where someone must have died in the scenario of this test: the points that it
// is there for. Others it may reach as well.
std::set<DeathPoint> MustReach(const std::string& test);

// Those of all tests.
std::set<DeathPoint> AllThatMustBeReached();

}  // namespace holdfast
