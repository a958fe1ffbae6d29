#pragma once

#include "base/files.h"

namespace holdfast {

// The file system without waiting for the disk: what is written survives every
// process, not the machine. For what means nothing after a reboot. Lives for
// ever.
Files& VolatileFiles();

}  // namespace holdfast
