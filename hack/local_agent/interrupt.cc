#include "hack/local_agent/interrupt.h"

#include <signal.h>

#include <atomic>

namespace holdfast::hack {
namespace {

std::atomic<bool> interrupted = false;
static_assert(std::atomic<bool>::is_always_lock_free);

}  // namespace

void CatchInterrupts() {
  struct sigaction action = {};
  action.sa_handler = [](int) { interrupted = true; };
  action.sa_flags = SA_RESTART;
  for (const int signal : {SIGINT, SIGTERM, SIGHUP})
    sigaction(signal, &action, nullptr);
}

bool Interrupted() { return interrupted; }

}  // namespace holdfast::hack
