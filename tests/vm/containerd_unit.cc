#include "tests/vm/containerd_unit.h"

#include <filesystem>
#include <fstream>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "gmock/gmock.h"
#include "tests/vm/guest.h"

namespace holdfast::vm {

bool ContainerdUnit::IsPacked() { return std::filesystem::exists(kPacked); }

void ContainerdUnit::SetUpTestSuite() {
  if (!IsPacked()) return;
  for (const char* program : {"containerd", "ctr", "runc", "criu"}) {
    Sh(absl::StrCat("ln -sf ", kPacked, "/", program, " /usr/local/bin/"));
  }
  Sh(absl::StrCat("ln -sf ", kPacked,
                  "/containerd-shim-runc-v2 "
                  "/usr/local/bin/containerd-shim-stock-v2"));
  Sh(absl::StrCat("ln -sf /usr/local/bin/containerd /usr/bin/containerd; cp ",
                  kPacked, "/containerd.service /etc/systemd/system/"));
  Write("/etc/containerd/config.toml",
        "version = 2\ndisabled_plugins = [\"io.containerd.grpc.v1.cri\"]\n");
  Sh("systemctl daemon-reload; systemctl start containerd");
  Sh(absl::StrCat("ctr images import --snapshotter native ", kPacked,
                  "/busybox.tar"));
}

void ContainerdUnit::SetUp() {
  if (!IsPacked()) {
    GTEST_SKIP() << "not in a machine of its own with a containerd: hack/vm "
                    "test, after hack/containerd-peers";
  }
}

void ContainerdUnit::TearDown() {
  if (IsSkipped()) return;
  for (const auto id :
       absl::StrSplit(Sh("ctr task ls -q"), '\n', absl::SkipEmpty())) {
    Sh(absl::StrCat("ctr task rm -f ", id));
  }
  EXPECT_TRUE(Eventually([] { return Shims().empty(); })) << Shims();
  Sh("ctr c ls -q | xargs -r ctr c rm");
  EXPECT_THAT(Sh("find /sys/fs/cgroup -name 'containerd-*-*' -type d"),
              testing::IsEmpty());
}

void ContainerdUnit::Write(const std::string& path, const std::string& text) {
  std::filesystem::create_directories(
      std::filesystem::path(path).parent_path());
  std::ofstream(path) << text;
}

std::string ContainerdUnit::Shims() {
  return Sh("pgrep -f '^[^ ]*containerd-shim-[a-z]*-v2 ' || true");
}

std::string ContainerdUnit::Run(const std::string& flags, const std::string& id,
                                const std::string& command) {
  return Sh(
      absl::StrCat("ctr run --snapshotter native --runtime "
                   "io.containerd.holdfast.v2 ",
                   flags, " ", kImage, " ", id, " ", command));
}

ContainerdUnit::Task ContainerdUnit::Look(const std::string& id) {
  for (const auto line : absl::StrSplit(Sh("ctr task ls"), '\n')) {
    const std::vector<std::string> words =
        absl::StrSplit(line, ' ', absl::SkipWhitespace());
    Task task;
    if (words.size() == 3 && words[0] == id &&
        absl::SimpleAtoi(words[1], &task.pid)) {
      task.state = words[2];
      return task;
    }
  }
  return {};
}

std::string ContainerdUnit::Exec(const std::string& id,
                                 const std::string& command) {
  return Sh(absl::StrCat("ctr task exec --exec-id e ", id, " ", command));
}

void ContainerdUnit::KillContainerd() {
  const std::string killed = Property("containerd", "MainPID");
  Sh(absl::StrCat("kill -9 ", killed));
  EXPECT_TRUE(Eventually([&] {
    return Property("containerd", "MainPID") != killed &&
           Property("containerd", "ActiveState") == "active";
  }));
}

}  // namespace holdfast::vm
