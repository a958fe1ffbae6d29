#pragma once

#include <string>

#include "tests/fakes/oci_bundle.h"

namespace holdfast::containerd {

// The bundle's directory, with config.json, an empty rootfs/ and the FIFO
// `log`, as containerd leaves it to a shim.
void MakeBundle(const std::string& directory, OciBundleOptions options);

}  // namespace holdfast::containerd
