// What README says of containerd is run: its commands, and the configurations
// that it points at.
#include <fstream>
#include <sstream>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "tests/containerd/daemon_fixture.h"

namespace holdfast::containerd {
namespace {

using testing::Values;

std::string ReadWhole(const std::string& path) {
  std::ifstream file(path);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

// The commands of the README's second block on containerd, without sudo and
// comments.
std::vector<std::string> Commands() {
  const std::string readme = ReadWhole(SOURCE_DIR "/README.md");
  const size_t section = readme.find("\n## With containerd and Kubernetes\n");
  const size_t begin = readme.find("```sh\nsudo ctr", section);
  const size_t end = readme.find("```\n", begin + 5);
  std::vector<std::string> commands;
  if (section == std::string::npos || begin == std::string::npos) {
    return commands;
  }
  for (absl::string_view line :
       absl::StrSplit(readme.substr(begin + 6, end - begin - 6), '\n')) {
    line = absl::StripPrefix(line.substr(0, line.find("  #")), "sudo ");
    if (!line.empty()) commands.emplace_back(line);
  }
  return commands;
}

class ReadmeOfContainerd : public DaemonTest {
 protected:
  std::string Namespace() const override { return "default"; }

  CommandResult Shell(const std::string& command) const {
    const std::string bin = BIN_DIR;
    return RunCommand(
        {"/usr/bin/env", absl::StrCat("CONTAINERD_ADDRESS=", Socket()),
         absl::StrCat(
             "PATH=",
             absl::StripSuffix(GetParam().containerd.Program("ctr"), "/ctr"),
             ":", bin, ":/usr/sbin:/usr/bin:/sbin:/bin"),
         absl::StrCat("HOLDFAST_WORK_DIR=", Scratch("holdfast/lib")),
         absl::StrCat("HOLDFAST_ADDRESS=unix:", Scratch("nobody.sock")), "sh",
         "-c", command});
  }
};

INSTANTIATE_TEST_SUITE_P(Lanes, ReadmeOfContainerd, Values(Ours(kContainerd16)),
                         LaneName);

TEST_P(ReadmeOfContainerd, CanBeFollowed) {
  const std::vector<std::string> commands = Commands();
  ASSERT_GT(commands.size(), 8u);
  std::string said;
  for (const std::string& command : commands) {
    if (absl::StartsWith(command, "ctr images pull ")) {
      // From what is here, instead of from the network.
      MustCtr({"images", "tag", kImage, "docker.io/library/busybox:latest"});
      continue;
    }
    if (absl::StartsWith(command, "systemctl ")) {
      AwaitStatus("job", "STOPPED");
      RestartDaemon();
      continue;
    }
    const CommandResult result = Shell(command);
    EXPECT_EQ(result.exit_code, 0) << command << "\n" << result.err;
    absl::StrAppend(&said, result.out, result.err);
  }

  EXPECT_TRUE(absl::StrContains(said, "exit with non-zero exit code 7"))
      << said;
  EXPECT_TRUE(absl::StrContains(said, absl::StrCat("containerd:", Socket())))
      << said;
}

class PackagedConfiguration : public testing::TestWithParam<Peer> {};

INSTANTIATE_TEST_SUITE_P(Containerds, PackagedConfiguration,
                         Values(kContainerd16, kContainerd17, kContainerd2),
                         [](const auto& peer) {
                           return peer.param.name == kContainerd2.name ? "V2"
                                  : peer.param.name == kContainerd17.name
                                      ? "V1v7"
                                      : "V1v6";
                         });

TEST_P(PackagedConfiguration, IsUnderstood) {
  SKIP_WITHOUT_PEER(GetParam());
  const bool is_2 = GetParam().name == kContainerd2.name;
  const CommandResult dump =
      RunCommand({GetParam().Program("containerd"), "--config",
                  absl::StrCat(SOURCE_DIR "/packaging/containerd/config-v",
                               is_2 ? 3 : 2, ".toml"),
                  "config", "dump"});

  EXPECT_EQ(dump.exit_code, 0) << dump.err;
  EXPECT_TRUE(absl::StrContains(dump.out, "io.containerd.holdfast.v2"));
  EXPECT_TRUE(absl::StrContains(dump.out, "dev.holdfast.*"));
}

}  // namespace
}  // namespace holdfast::containerd
