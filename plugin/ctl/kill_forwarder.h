#pragma once

#include <thread>

#include "api/orchestrator.pb.h"
#include "base/unique_fd.h"
#include "plugin/ctl/client.h"
#include "plugin/ctl/interrupts.h"

namespace holdfast::ctl {

// Turns the signals that `run` gets into kills of its task, on a thread and a
// connection of its own, as long as it lives:
//   the first   KillTask with the task's grace
//   the second  KillTask without any
//   the third   leaves: exits as the signal would, the task goes on ending
// An agent that is away is asked again until it is back.
class KillForwarder {
 public:
  KillForwarder(const Interrupts& interrupts, Client client,
                v1::KillTaskRequest request);
  ~KillForwarder();
  KillForwarder(const KillForwarder&) = delete;
  KillForwarder& operator=(const KillForwarder&) = delete;

 private:
  enum class Wakeup { kNothing, kSignal, kStop };

  void Forward();
  void Kill();
  // A negative `timeout_ms` waits for ever.
  Wakeup Wait(int timeout_ms) const;

  const Interrupts& interrupts_;
  Client client_;
  v1::KillTaskRequest request_;
  UniqueFd stop_;  // an eventfd
  std::thread thread_;
};

}  // namespace holdfast::ctl
