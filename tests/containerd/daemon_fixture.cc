#include "tests/containerd/daemon_fixture.h"

#include <signal.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iostream>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "base/files.h"
#include "tests/containerd/leftovers.h"
#include "tests/integration/process_watch.h"

namespace holdfast::containerd {
namespace {

// What we do not need, and what needs more than a test machine has.
constexpr const char* kDisabled[] = {
    "io.containerd.snapshotter.v1.btrfs",
    "io.containerd.snapshotter.v1.zfs",
    "io.containerd.snapshotter.v1.devmapper",
    "io.containerd.snapshotter.v1.aufs",
    "io.containerd.snapshotter.v1.blockfile",
    "io.containerd.internal.v1.opt",
    "io.containerd.internal.v1.tracing",
    "io.containerd.tracing.processor.v1.otlp",
    "io.containerd.nri.v1.nri",
};
constexpr const char* kCriPlugins[] = {
    "io.containerd.grpc.v1.cri",
    "io.containerd.cri.v1.images",
    "io.containerd.cri.v1.runtime",
};

std::vector<std::string> Entries(const std::string& directory) {
  std::vector<std::string> entries;
  std::error_code none;
  for (const auto& entry : std::filesystem::directory_iterator(directory, none))
    entries.push_back(entry.path());
  return entries;
}

}  // namespace

Lane Stock(const Peer& peer) { return {peer, StockShim(peer)}; }
Lane Ours(const Peer& peer) { return {peer, OurShim()}; }

std::string LaneName(const testing::TestParamInfo<Lane>& lane) {
  return absl::StrCat(
      lane.param.shim.ours ? "Ours" : "Stock", "On",
      absl::StrReplaceAll(lane.param.containerd.name, {{".", "v"}}));
}

void PrintTo(const Lane& lane, std::ostream* out) {
  *out << lane.shim.name << " under containerd " << lane.containerd.name;
}

void DaemonTest::SetUp() {
  if (geteuid() != 0) GTEST_SKIP() << "runs containers, which needs root";
  SKIP_WITHOUT_PEER(GetParam().containerd);
  SKIP_WITHOUT_PEER(shim());
  AdoptOrphans();
  path_ = absl::StrCat(
      "PATH=",
      std::filesystem::path(GetParam().containerd.Program("ctr"))
          .parent_path()
          .string(),
      ":", std::filesystem::path(OurShim().path).parent_path().string(), ":",
      PeerPrograms(), ":", getenv("PATH"));
  WriteConfig();
  StartDaemon();
  MustCtr({"images", "import", BUSYBOX_IMAGE});
}

void DaemonTest::WriteConfig() const {
  std::vector<std::string> disabled;
  for (const char* plugin : kDisabled)
    disabled.push_back(absl::StrCat("\"", plugin, "\""));
  if (!WithCri()) {
    for (const char* plugin : kCriPlugins)
      disabled.push_back(absl::StrCat("\"", plugin, "\""));
  }
  std::ofstream(Scratch("config.toml"))
      << "version = 2\nroot = \"" << Scratch("root") << "\"\nstate = \""
      << Scratch("state") << "\"\ndisabled_plugins = ["
      << absl::StrJoin(disabled, ", ") << "]\n[grpc]\naddress = \"" << Socket()
      << "\"\n[ttrpc]\naddress = \"" << Socket() << ".ttrpc\"\n"
      << MoreConfig();
}

void DaemonTest::StartDaemon() {
  daemon_ = StartProgram(
      {GetParam().containerd.Program("containerd"), "--config",
       Scratch("config.toml")},
      {.environment = {path_, "HOLDFAST_WORK_DIR=" + Scratch("holdfast/lib"),
                       "HOLDFAST_RUNTIME_DIR=" + Scratch("holdfast/run")}},
      Scratch("log"));
  const bool serves = Eventually([this] {
    return daemon_->HasEnded() || Ctr({"version"}).exit_code == 0;
  });
  ASSERT_TRUE(serves && !daemon_->HasEnded()) << DaemonLog();
}

void DaemonTest::KillDaemon() {
  ASSERT_TRUE(daemon_->Signal(SIGKILL).ok());
  EXPECT_EQ(waitpid(daemon_->pid(), nullptr, 0), daemon_->pid());
  daemon_.reset();
}

void DaemonTest::StopDaemon() {
  if (!daemon_) return;
  (void)daemon_->Signal(SIGTERM);  // or it has ended
  EXPECT_TRUE(Eventually([this] { return daemon_->HasEnded(); }));
  EXPECT_EQ(waitpid(daemon_->pid(), nullptr, 0), daemon_->pid());
  daemon_.reset();
}

std::string DaemonTest::DaemonLog() const {
  std::ifstream log(Scratch("log"));
  return {std::istreambuf_iterator<char>(log), {}};
}

std::vector<std::string> DaemonTest::CtrCommand(
    std::vector<std::string> arguments) const {
  const std::vector<std::string> front = {GetParam().containerd.Program("ctr"),
                                          "-a", Socket(), "-n", Namespace()};
  arguments.insert(arguments.begin(), front.begin(), front.end());
  return arguments;
}

CommandResult DaemonTest::Ctr(std::vector<std::string> arguments,
                              const CommandOptions& options) const {
  return RunCommand(CtrCommand(std::move(arguments)), options);
}

std::string DaemonTest::MustCtr(std::vector<std::string> arguments) const {
  const CommandResult result = Ctr(arguments);
  EXPECT_EQ(result.exit_code, 0) << absl::StrJoin(arguments, " ") << "\n"
                                 << result.out << result.err;
  return result.out;
}

std::vector<std::string> DaemonTest::RunArguments(
    const std::vector<std::string>& flags, const std::string& id,
    const std::vector<std::string>& command) const {
  std::vector<std::string> arguments = {"run", "--runtime", shim().runtime};
  arguments.insert(arguments.end(), flags.begin(), flags.end());
  arguments.insert(arguments.end(), {kImage, id});
  arguments.insert(arguments.end(), command.begin(), command.end());
  return arguments;
}

pid_t DaemonTest::RunDetached(const std::string& id,
                              const std::vector<std::string>& command) {
  MustCtr(RunArguments({"-d"}, id, command));
  return PidOf(id);
}

std::string DaemonTest::StatusOf(const std::string& id) const {
  const std::string rows = Ctr({"task", "ls"}).out;
  for (const auto row : absl::StrSplit(rows, '\n')) {
    const std::vector<std::string> words =
        absl::StrSplit(row, ' ', absl::SkipWhitespace());
    if (words.size() == 3 && words[0] == id) return words[2];
  }
  return "";
}

pid_t DaemonTest::PidOf(const std::string& id) const {
  const std::string rows = Ctr({"task", "ls"}).out;
  pid_t pid = -1;
  for (const auto row : absl::StrSplit(rows, '\n')) {
    const std::vector<std::string> words =
        absl::StrSplit(row, ' ', absl::SkipWhitespace());
    if (words.size() != 3 || words[0] != id) continue;
    EXPECT_TRUE(absl::SimpleAtoi(words[1], &pid)) << row;
  }
  return pid;
}

void DaemonTest::AwaitStatus(const std::string& id,
                             const std::string& status) const {
  EXPECT_TRUE(Eventually([&] { return StatusOf(id) == status; }))
      << id << " is not " << status << " but " << StatusOf(id);
}

int DaemonTest::RemoveTask(const std::string& id) const {
  const CommandResult removed = Ctr({"task", "rm", id});
  EXPECT_EQ(removed.exit_code, 0) << removed.err;
  // "… exit with non-zero exit code 7", where it is not 0.
  const std::vector<std::string> words =
      absl::StrSplit(removed.err, absl::ByAnyChar(" \"\n"), absl::SkipEmpty());
  int code = 0;
  if (!words.empty() && !absl::SimpleAtoi(words.back(), &code)) {
    ADD_FAILURE() << removed.err;
  }
  return code;
}

std::vector<pid_t> DaemonTest::ShimPids() const {
  std::vector<pid_t> shims;
  for (const pid_t pid : ProcessesNaming(Socket())) {
    if (absl::StrContains(CommandLine(pid), "containerd-shim-"))
      shims.push_back(pid);
  }
  return shims;
}

pid_t DaemonTest::ShimOf(const std::string& id) const {
  for (const pid_t pid : ShimPids()) {
    if (absl::StrContains(CommandLine(pid), absl::StrCat("-id ", id, " ")))
      return pid;
  }
  ADD_FAILURE() << id << " has no shim";
  return -1;
}

void DaemonTest::RemoveContainers() const {
  const std::string tasks = Ctr({"task", "ls", "-q"}).out;
  for (const auto id : absl::StrSplit(tasks, '\n', absl::SkipEmpty()))
    Ctr({"task", "rm", "-f", std::string(id)});
  const std::string containers = Ctr({"containers", "ls", "-q"}).out;
  for (const auto id : absl::StrSplit(containers, '\n', absl::SkipEmpty()))
    Ctr({"containers", "rm", std::string(id)});
}

// CRI's namespace is everybody's.
std::vector<std::string> DaemonTest::RuntimeStates() const {
  std::vector<std::string> ours;
  for (const std::string& entry :
       Entries("/run/containerd/runc/" + Namespace())) {
    if (absl::StrContains(ReadSmallFile(entry + "/state.json").value_or(""),
                          directory_.path())) {
      ours.push_back(entry);
    }
  }
  return ours;
}

std::vector<std::string> DaemonTest::Bundles() const {
  std::vector<std::string> bundles;
  for (const char* of : {"state", "root"}) {
    const std::string tasks =
        absl::StrCat(of, "/io.containerd.runtime.v2.task/", Namespace());
    for (std::string& entry : Entries(Scratch(tasks)))
      bundles.push_back(std::move(entry));
  }
  return bundles;
}

std::vector<std::string> DaemonTest::Leftovers() const {
  std::vector<std::string> left;
  for (const pid_t pid : LivingChildren())
    left.push_back(absl::StrCat("process ", pid, " ", CommandLine(pid)));
  for (const std::string& mount : MountsBelow(directory_.path()))
    left.push_back("mount " + mount);
  // The namespace's own is runc's way: a group that nobody removes.
  for (const std::string& group : CgroupsNamed(unique_)) {
    for (const std::string& entry : Entries(group)) {
      if (std::filesystem::is_directory(entry))
        left.push_back("cgroup " + entry);
    }
  }
  for (const std::string& file : FilesBelow(Scratch("holdfast")))
    left.push_back("journal " + file);
  for (const std::string& entry : RuntimeStates())
    left.push_back("runtime's state " + entry);
  for (const std::string& bundle : Bundles()) left.push_back("file " + bundle);
  return left;
}

void DaemonTest::Sweep() {
  KillAll(ShimPids());
  KillAll(LivingChildren());
  for (const std::string& group : CgroupsNamed(unique_)) RemoveCgroup(group);
  (void)LivingChildren();  // reaps them
  for (const std::string& mount : MountsBelow(directory_.path()))
    EXPECT_EQ(umount2(mount.c_str(), MNT_DETACH), 0) << mount;
  for (const std::string& entry : RuntimeStates()) (void)RemoveTree(entry);
  rmdir(("/run/containerd/runc/" + Namespace()).c_str());
}

void DaemonTest::TearDown() {
  if (path_.empty()) return;  // skipped
  if (!daemon_) StartDaemon();
  RemoveContainers();
  // A shim that still has events for it waits for a daemon that is gone, and
  // the daemon removes what a shim leaves that it had forgotten.
  (void)Eventually([this] { return ShimPids().empty() && Bundles().empty(); },
                   absl::Seconds(10));
  StopDaemon();
  (void)Eventually([this] { return Leftovers().empty(); }, absl::Seconds(5));
  if (!may_leave_) {
    EXPECT_EQ(absl::StrJoin(Leftovers(), "\n"), "");
  }
  Sweep();
  if (HasFailure()) std::cout << DaemonLog();
}

}  // namespace holdfast::containerd
