// What the runtime is told of CRIU. A runtime that only writes down its words:
// CRIU itself works on few kernels (tests/vm/criu_test.cc has one).

#include <sys/stat.h>

#include <fstream>
#include <optional>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "shim/containerd/oci_runtime.h"
#include "tests/fakes/temporary_directory.h"
#include "tests/shim/containerd/subreaper_fixture.h"

namespace holdfast::containerd {
namespace {

using testing::ContainsRegex;
using testing::EndsWith;

class OciRuntimeCriu : public SubreaperTest {
 protected:
  void SetUp() override { FakeRuntime("exit 0"); }

  // It ends with `end`. What shall come after --pid-file gets a pid.
  void FakeRuntime(const std::string& end) {
    std::ofstream(binary_) << "#!/bin/sh\necho \"$*\" >" << words_
                           << "\nwhile [ $# -gt 0 ]; do [ \"$1\" = --pid-file ]"
                              " && echo 4711 >\"$2\"; shift; done\n"
                           << end << "\n";
    ASSERT_EQ(chmod(binary_.c_str(), 0755), 0);
  }
  std::string Words() const {
    std::string line;
    std::ifstream file(words_);
    std::getline(file, line);
    return line;
  }
  absl::Status Run(const OciRuntime::Checkpoint& checkpoint) {
    std::optional<absl::Status> result;
    runtime_.Run(checkpoint,
                 [&](const absl::Status& status) { result = status; });
    EXPECT_TRUE(RunUntil([&] { return result.has_value(); }));
    return result.value_or(absl::UnknownError("it does not end"));
  }
  absl::StatusOr<pid_t> Run(const OciRuntime::Restore& restore) {
    std::optional<absl::StatusOr<pid_t>> result;
    runtime_.Run(restore,
                 [&](const absl::StatusOr<pid_t>& pid) { result = pid; });
    EXPECT_TRUE(RunUntil([&] { return result.has_value(); }));
    return result.value_or(absl::UnknownError("it does not end"));
  }
  static OciRuntime::Checkpoint ToImage() {
    OciRuntime::Checkpoint checkpoint;
    checkpoint.id = "c1";
    checkpoint.image_path = "/image";
    return checkpoint;
  }

  TemporaryDirectory scratch_;
  const std::string binary_ = scratch_ / "runtime";
  const std::string words_ = scratch_ / "words";
  OciRuntime runtime_{*loop_,
                      *children_,
                      {.binary = binary_,
                       .root = "/root",
                       .systemd_cgroup = false,
                       .log_directory = scratch_.path()}};
};

TEST_F(OciRuntimeCriu, LeavesRunningWhatIsNotToEnd) {
  EXPECT_TRUE(Run(ToImage()).ok());

  EXPECT_EQ(Words(),
            "--root /root --log-format json checkpoint --image-path /image "
            "--leave-running c1");
}

TEST_F(OciRuntimeCriu, IsToldAllOfACheckpoint) {
  OciRuntime::Checkpoint checkpoint = ToImage();
  checkpoint.exit = true;
  checkpoint.work_path = "/work";
  checkpoint.parent_path = "../before";
  checkpoint.criu_flags = {"--tcp-established", "--file-locks"};

  EXPECT_TRUE(Run(checkpoint).ok());

  EXPECT_THAT(Words(),
              EndsWith("checkpoint --image-path /image --work-path /work "
                       "--parent-path ../before --tcp-established "
                       "--file-locks c1"));
}

TEST_F(OciRuntimeCriu, SaysWhyACheckpointFailed) {
  FakeRuntime(R"(echo '{"level":"error","msg":"criu failed: x"}' >&2; exit 1)");

  const absl::Status status = Run(ToImage());

  EXPECT_EQ(status, absl::UnknownError(
                        "OCI runtime checkpoint failed: criu failed: x"));
}

TEST_F(OciRuntimeCriu, RestoresDetachedAndAsOurChild) {
  OciRuntime::Restore restore;
  restore.id = "c1";
  restore.bundle = "/bundle";
  restore.no_pivot_root = true;
  restore.no_new_keyring = true;  // which is of create alone
  restore.console_socket = "/console";
  restore.image_path = "/image";
  restore.work_path = "/work";
  restore.criu_flags = {"--shell-job"};

  const absl::StatusOr<pid_t> pid = Run(restore);

  EXPECT_EQ(pid.value_or(0), 4711);
  EXPECT_THAT(Words(),
              ContainsRegex("restore --image-path /image --work-path /work "
                            "--shell-job --detach --no-subreaper --bundle "
                            "/bundle --pid-file [^ ]+ --console-socket "
                            "/console --no-pivot c1$"));
}

}  // namespace
}  // namespace holdfast::containerd
