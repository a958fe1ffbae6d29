#include "tests/containerd/test_bundle.h"

#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include "gtest/gtest.h"

namespace holdfast::containerd {

void MakeBundle(const std::string& directory, OciBundleOptions options) {
  options.own_network = false;
  std::filesystem::create_directories(directory + "/rootfs");
  std::ofstream(directory + "/config.json") << OciConfig(options);
  EXPECT_EQ(mkfifo((directory + "/log").c_str(), 0600), 0);
}

}  // namespace holdfast::containerd
