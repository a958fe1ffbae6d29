#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <fstream>

#include "shim/containerd/oci_runtime.h"
#include "tests/fakes/temporary_directory.h"

namespace holdfast::containerd {
namespace {

class RunToEndTest : public testing::Test {
 protected:
  // A runtime that is a script.
  OciRuntime::Options Runtime(const std::string& script) {
    const std::string path = scratch_ / "runtime";
    std::ofstream(path) << "#!/bin/sh\n" << script;
    chmod(path.c_str(), 0755);
    return {.binary = path,
            .root = "/r",
            .systemd_cgroup = true,
            .log_directory = scratch_.path()};
  }
  TemporaryDirectory scratch_;
};

TEST_F(RunToEndTest, ReturnsItsOutput) {
  const auto output = OciRuntime::RunToEnd(Runtime("echo \"$@\"; echo no >&2"),
                                           {"features"}, absl::Seconds(60));

  ASSERT_TRUE(output.ok()) << output.status();
  EXPECT_EQ(*output, "--root /r --log-format json --systemd-cgroup features\n");
}

TEST_F(RunToEndTest, SaysWhatItsStderrSays) {
  const auto output =
      OciRuntime::RunToEnd(Runtime("echo 'no such option' >&2; exit 2"),
                           {"delete", "c1"}, absl::Seconds(60));

  EXPECT_EQ(output.status(),
            absl::UnknownError("OCI runtime delete failed: no such option"));
}

TEST_F(RunToEndTest, KillsWhatTakesTooLong) {
  const auto output = OciRuntime::RunToEnd(
      Runtime("exec sleep 1000"), {"features"}, absl::Milliseconds(50));

  EXPECT_EQ(output.status(), absl::DeadlineExceededError(
                                 "OCI runtime features: no end within 50ms"));
}

}  // namespace
}  // namespace holdfast::containerd
