#pragma once

#include "api/records.pb.h"

namespace holdfast {

// Whether the process of which a journal says that it was started still runs:
// in this boot, under this pid, with that start time. Nothing is certain of it
// a moment later; who is to do something with it holds a pidfd.
bool IsRunning(const v1::Started& started);

}  // namespace holdfast
