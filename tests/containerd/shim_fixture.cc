#include "tests/containerd/shim_fixture.h"

#include <fcntl.h>
#include <sys/mount.h>
#include <unistd.h>

#include <filesystem>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "base/files.h"
#include "tests/containerd/leftovers.h"
#include "tests/integration/process_watch.h"

namespace holdfast::containerd {
namespace {

// The part of a JSON answer that we need; containerd's has no blanks.
std::string JsonAddress(absl::string_view answer) {
  const absl::string_view key = "\"address\":\"";
  const size_t start = answer.find(key);
  if (start == absl::string_view::npos) return "";
  answer.remove_prefix(start + key.size());
  return std::string(answer.substr(0, answer.find('"')));
}

}  // namespace

void ShimTest::SetUp() {
  if (geteuid() != 0) GTEST_SKIP() << "runs containers, which needs root";
  AdoptOrphans();
  rootfs_ = Scratch("busybox");
  MakeBusyboxRootfs(rootfs_);
  events_ = std::make_unique<EventsServer>(Scratch("events.sock"));
}

void ShimTest::TearDown() {
  EXPECT_EQ(absl::StrJoin(SweepLeftovers(), "\n"), "");
}

std::string ShimTest::BundleOf(const std::string& id) const {
  return Scratch(absl::StrCat("bundles/", id));
}

void ShimTest::MakeBundleOf(const std::string& id, OciBundleOptions options) {
  if (options.cgroups_path.empty())
    options.cgroups_path = absl::StrCat("/", unique_, "-", id);
  MakeBundle(BundleOf(id), options);
  // As containerd does: a shim that opens it never waits for a reader.
  logs_.emplace_back(
      open((BundleOf(id) + "/log").c_str(), O_RDWR | O_NONBLOCK | O_CLOEXEC));
}

CommandResult ShimTest::RunShim(const Shim& shim, const std::string& id,
                                const std::string& action,
                                const std::string& input) {
  std::vector<std::string> argv = {shim.path,
                                   "-namespace",
                                   unique_,
                                   "-address",
                                   Scratch("containerd.sock"),
                                   "-publish-binary",
                                   "/bin/true",
                                   "-id",
                                   id};
  if (action == "delete") {
    argv.push_back("-bundle");
    argv.push_back(BundleOf(id));
  }
  argv.push_back(action);
  return RunCommand(
      argv,
      {.environment =
           {absl::StrCat("TTRPC_ADDRESS=", Scratch("events.sock")),
            "GOMAXPROCS=2", "MAX_SHIM_VERSION=2",
            absl::StrCat("PATH=", PeerPrograms(), ":", getenv("PATH")),
            absl::StrCat("HOLDFAST_WORK_DIR=", holdfast_directory(), "/lib"),
            absl::StrCat("HOLDFAST_RUNTIME_DIR=", holdfast_directory(),
                         "/run")},
       .directory = BundleOf(id),
       .input = input});
}

std::string ShimTest::AddressIn(const std::string& answer) {
  const std::string address =
      absl::StartsWith(answer, "{") ? JsonAddress(answer) : answer;
  return std::string(absl::StripPrefix(address, "unix://"));
}

std::unique_ptr<TtrpcCaller> ShimTest::StartShim(const Shim& shim,
                                                 const std::string& id,
                                                 const std::string& input) {
  const CommandResult started = RunShim(shim, id, "start", input);
  EXPECT_EQ(started.exit_code, 0) << started.out << started.err;
  EXPECT_EQ(started.err, "") << "containerd takes it for a part of the address";
  const std::string address = AddressIn(started.out);
  sockets_.insert(address);
  absl::StatusOr<std::unique_ptr<TtrpcCaller>> caller =
      TtrpcCaller::Connect(address);
  EXPECT_TRUE(caller.ok()) << caller.status();
  return caller.ok() ? *std::move(caller) : nullptr;
}

std::vector<pid_t> ShimTest::ShimPids() const {
  return ProcessesNaming(unique_);
}

std::vector<std::string> ShimTest::Leftovers() const {
  std::vector<std::string> left;
  for (const pid_t pid : LivingChildren())
    left.push_back(absl::StrCat("process ", pid, " ", CommandLine(pid)));
  for (const std::string& mount : MountsBelow(directory_.path()))
    left.push_back("mount " + mount);
  for (const std::string& group : CgroupsNamed(unique_))
    left.push_back("cgroup " + group);
  for (const std::string& socket : sockets_) {
    if (access(socket.c_str(), F_OK) == 0) left.push_back("socket " + socket);
  }
  for (const std::string& file : FilesBelow(holdfast_directory()))
    left.push_back("journal " + file);
  std::error_code none;
  for (const auto& state : std::filesystem::directory_iterator(
           absl::StrCat(runtime_root(), "/", unique_), none)) {
    left.push_back("runtime's state " + state.path().string());
  }
  return left;
}

std::vector<std::string> ShimTest::SweepLeftovers() {
  // The last shim answers, and then exits.
  (void)Eventually([this] { return Leftovers().empty(); }, absl::Seconds(3));
  std::vector<std::string> left = Leftovers();
  if (!left.empty()) KillEverything();
  return left;
}

void ShimTest::KillEverything() {
  KillAll(ShimPids());
  for (const std::string& group : CgroupsNamed(unique_)) RemoveCgroup(group);
  KillAll(LivingChildren());
  (void)LivingChildren();  // reaps them
  for (const std::string& mount : MountsBelow(directory_.path()))
    EXPECT_EQ(umount2(mount.c_str(), MNT_DETACH), 0) << mount;
  for (const std::string& socket : sockets_) unlink(socket.c_str());
  sockets_.clear();
  (void)RemoveTree(runtime_root());  // the test has failed by now
}

}  // namespace holdfast::containerd
