#pragma once

#include <string>

#include "hack/demo_driver/observations.h"

namespace holdfast::hack {

// A row for each task, then a row for each promise. A task's row ends with
// what is wrong with it, if anything is.
std::string FormatTasks(const Observations& seen);
std::string FormatVerdicts(const Observations& seen);

}  // namespace holdfast::hack
