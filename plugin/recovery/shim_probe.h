#pragma once

#include <string>

#include "absl/time/time.h"
#include "base/files.h"
#include "plugin/recovery/decision.h"

namespace holdfast {

// How the shim that should be at `socket` and should hold the lock of
// `journal` is found, without disturbing it: a connection that says hello in
// HTTP/2, waits at most `patience` for the answer and hangs up, which leaves a
// fence's clock running and attaches nobody; or, where nobody listens, a look
// whether the lock can be had, which is given back at once.
// kAnswers, kSilent or kDead.
ShimState ProbeShim(Files& files, const std::string& socket,
                    const std::string& journal, absl::Duration patience);

}  // namespace holdfast
