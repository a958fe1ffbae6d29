#pragma once

#include <string>
#include <vector>

#include "hack/demo_driver/observations.h"

namespace holdfast::hack {

// A promise, what was seen of it, and whether it was kept.
struct Verdict {
  std::string promise;
  std::string seen;
  bool held = false;
};

std::vector<Verdict> Judge(const Observations& seen);

// Whether all is well with one task; what is not, for a person.
std::string Complaint(const TaskObservation& task, const Observations& seen);

}  // namespace holdfast::hack
