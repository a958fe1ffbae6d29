#pragma once

#include "api/types.pb.h"

namespace holdfast {

// Whether nothing comes after `state` in a task's life.
bool IsTerminal(v1::TaskState state);

}  // namespace holdfast
