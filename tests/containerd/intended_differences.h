#pragma once

#include <vector>

#include "tests/containerd/peers.h"
#include "tests/containerd/transcript.h"

namespace holdfast::containerd {

// Where a shim is meant to say something else than the stock shim of 1.6 does.

// Later stock shims.
std::vector<Intended> OfStockShim(const Peer& peer);
// Ours: all that is better than stock, and why.
std::vector<Intended> OfOurShim();

}  // namespace holdfast::containerd
