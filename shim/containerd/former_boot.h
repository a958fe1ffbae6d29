#pragma once

#include "shim/containerd/places.h"

namespace holdfast::containerd {

// What tasks of former boots have left: containerd's own state of them is gone
// with /run, and it will never ask for one. What cannot be read, or may be of
// this boot, stays.
void RemoveTasksOfFormerBoots(const Places& places);

}  // namespace holdfast::containerd
