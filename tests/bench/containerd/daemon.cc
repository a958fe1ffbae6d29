#include "tests/bench/containerd/daemon.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <thread>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/time/clock.h"
#include "base/errors.h"
#include "base/files.h"
#include "base/mutex.h"
#include "base/unique_fd.h"
#include "hack/local_agent/cgroup_sweep.h"
#include "hack/local_agent/interrupt.h"
#include "hack/local_agent/processes.h"
#include "tests/fakes/oci_bundle.h"

namespace holdfast::bench {
namespace {

constexpr absl::Duration kDaemonTimeout = absl::Minutes(1);
constexpr absl::Duration kPoll = absl::Milliseconds(1);

// What runs a task without images, and no more.
constexpr char kDisabled[] = R"("io.containerd.snapshotter.v1.aufs",)"
                             R"("io.containerd.snapshotter.v1.blockfile",)"
                             R"("io.containerd.snapshotter.v1.btrfs",)"
                             R"("io.containerd.snapshotter.v1.devmapper",)"
                             R"("io.containerd.snapshotter.v1.zfs",)"
                             R"("io.containerd.internal.v1.opt",)"
                             R"("io.containerd.internal.v1.tracing",)"
                             R"("io.containerd.tracing.processor.v1.otlp",)"
                             R"("io.containerd.nri.v1.nri",)"
                             R"("io.containerd.grpc.v1.cri",)"
                             R"("io.containerd.cri.v1.images",)"
                             R"("io.containerd.cri.v1.runtime")";

bool Listens(const std::string& socket_path) {
  sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  socket_path.copy(address.sun_path, sizeof(address.sun_path) - 1);
  const UniqueFd fd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  return connect(fd.get(), reinterpret_cast<const sockaddr*>(&address),
                 sizeof(address)) == 0;
}

absl::Status WaitUntil(absl::string_view what,
                       const std::function<bool()>& holds) {
  const absl::Time deadline = absl::Now() + kDaemonTimeout;
  while (!holds()) {
    if (hack::Interrupted()) return absl::CancelledError("interrupted");
    if (absl::Now() > deadline)
      return absl::DeadlineExceededError(absl::StrCat("not yet: ", what));
    absl::SleepFor(kPoll);
  }
  return absl::OkStatus();
}

std::string DirectoryOfProgram(const std::string& path) {
  return std::filesystem::path(path).parent_path();
}

void UnmountBelow(const std::string& directory) {
  std::ifstream table("/proc/self/mounts");
  std::vector<std::string> mounts;
  for (std::string line; std::getline(table, line);) {
    const std::vector<std::string> fields = absl::StrSplit(line, ' ');
    if (fields.size() > 1 && absl::StartsWith(fields[1], directory + "/"))
      mounts.push_back(fields[1]);
  }
  for (auto mount = mounts.rbegin(); mount != mounts.rend(); ++mount)
    umount2(mount->c_str(), MNT_DETACH);
}

}  // namespace

absl::Status InParallel(size_t n, int width,
                        const std::function<absl::Status(size_t)>& act) {
  std::atomic<size_t> next = 0;
  Mutex mutex;
  absl::Status first;
  std::vector<std::thread> threads;
  for (int i = 0; i < width; ++i) {
    threads.emplace_back([&] {
      while (true) {
        const size_t mine = next++;
        if (mine >= n) return;
        absl::Status status = hack::Interrupted()
                                  ? absl::CancelledError("interrupted")
                                  : act(mine);
        if (status.ok()) continue;
        const MutexLock lock(mutex);
        first.Update(status);
        return;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  return first;
}

ContainerdDaemon::ContainerdDaemon(const containerd::Peer& peer,
                                   const containerd::Shim& shim,
                                   std::string oci_runtime,
                                   std::string directory)
    : peer_(peer),
      shim_(shim),
      oci_runtime_(std::move(oci_runtime)),
      directory_(std::move(directory)),
      cgroup_(absl::StrCat("holdfast-bench-", getpid(), "-",
                           shim.ours ? "ours" : "stock")) {}

absl::StatusOr<std::unique_ptr<ContainerdDaemon>> ContainerdDaemon::Start(
    const containerd::Peer& peer, const containerd::Shim& shim,
    const std::string& oci_runtime, const std::string& directory) {
  std::unique_ptr<ContainerdDaemon> daemon(
      new ContainerdDaemon(peer, shim, oci_runtime, directory));
  MakeBusyboxRootfs(directory + "/rootfs");
  daemon->WriteConfig();
  HOLDFAST_RETURN_IF_ERROR(daemon->MakeShimGroup());
  HOLDFAST_RETURN_IF_ERROR(daemon->StartAgain(0).status());
  return daemon;
}

ContainerdDaemon::~ContainerdDaemon() {
  if (process_) {
    (void)process_->Signal(SIGTERM);  // or it has ended
    if (!process_->Wait(absl::Seconds(10)).ok()) (void)Crash();
  }
  for (const pid_t pid : ShimPids()) {
    const absl::StatusOr<Pidfd> shim = Pidfd::Open(pid);
    if (shim.ok()) (void)shim->Signal(SIGKILL);  // or it has ended
  }
  (void)hack::SweepCgroups(cgroup_, kDaemonTimeout);
  for (int i = 0; i < named_; ++i)
    (void)hack::SweepCgroups(absl::StrCat(cgroup_, "-t", i), kDaemonTimeout);
  UnmountBelow(directory_);
}

void ContainerdDaemon::WriteConfig() const {
  std::ofstream(directory_ + "/config.toml")
      << "version = 2\nroot = \"" << directory_ << "/root\"\nstate = \""
      << directory_ << "/state\"\ndisabled_plugins = [" << kDisabled
      << "]\n[grpc]\naddress = \"" << Socket() << "\"\n[ttrpc]\naddress = \""
      << Socket() << ".ttrpc\"\n";
}

// In the memory hierarchy alone. Ours is born in it; the stock shim is moved
// there once it runs, and what it was charged before stays with its parent's.
absl::Status ContainerdDaemon::MakeShimGroup() const {
  const std::string v1 = "/sys/fs/cgroup/memory";
  const std::string mount =
      std::filesystem::is_directory(v1) ? v1 : "/sys/fs/cgroup";
  const std::string group = absl::StrCat(mount, "/", cgroup_);
  std::error_code error;
  std::filesystem::create_directories(group, error);
  if (error) return ErrnoStatus(error.value(), "mkdir", group);
  return absl::OkStatus();
}

absl::Status ContainerdDaemon::Spawn() {
  const std::string path =
      absl::StrCat("PATH=", DirectoryOfProgram(peer_.Program("containerd")),
                   ":", DirectoryOfProgram(shim_.path), ":", getenv("PATH"));
  HOLDFAST_ASSIGN_OR_RETURN(
      process_,
      hack::ChildProcess::Spawn(
          {"env", path, "HOLDFAST_WORK_DIR=" + directory_ + "/holdfast/lib",
           "HOLDFAST_RUNTIME_DIR=" + directory_ + "/holdfast/run",
           peer_.Program("containerd"), "--config",
           directory_ + "/config.toml"},
          directory_ + "/log"));
  return absl::OkStatus();
}

absl::StatusOr<absl::Duration> ContainerdDaemon::StartAgain(int tasks) {
  const absl::Time start = absl::Now();
  HOLDFAST_RETURN_IF_ERROR(Spawn());
  HOLDFAST_RETURN_IF_ERROR(WaitUntil("containerd listens; see its log",
                                     [this] { return Listens(Socket()); }));
  client_ = std::make_unique<ContainerdClient>(Socket(), "bench",
                                               directory_ + "/rootfs");
  HOLDFAST_RETURN_IF_ERROR(
      WaitUntil(absl::StrCat(tasks, " tasks run"), [this, tasks] {
        const absl::StatusOr<int> running = client_->CountRunning();
        return running.ok() && *running >= tasks;
      }));
  return absl::Now() - start;
}

absl::Status ContainerdDaemon::Crash() {
  HOLDFAST_RETURN_IF_ERROR(process_->Signal(SIGKILL));
  HOLDFAST_RETURN_IF_ERROR(process_->Wait(kDaemonTimeout).status());
  process_.reset();
  return absl::OkStatus();
}

absl::StatusOr<std::vector<std::string>> ContainerdDaemon::Register(
    int n, bool own_group) {
  std::vector<std::string> ids;
  for (int i = 0; i < n; ++i) {
    Sleeper sleeper;
    sleeper.id = absl::StrCat("t", named_++);
    sleeper.cgroup = absl::StrCat("/", cgroup_, "-", sleeper.id);
    sleeper.runtime = shim_.runtime;
    sleeper.options.set_binary_name(oci_runtime_);
    sleeper.options.set_root(directory_ + "/oci");
    if (own_group) sleeper.options.set_shim_cgroup("/" + cgroup_);
    HOLDFAST_RETURN_IF_ERROR(client_->Register(sleeper));
    ids.push_back(sleeper.id);
  }
  return ids;
}

absl::Status ContainerdDaemon::LaunchAll(const std::vector<std::string>& ids,
                                         int width) {
  return InParallel(ids.size(), width,
                    [&](size_t i) { return client_->Launch(ids[i]); });
}

absl::Status ContainerdDaemon::EndAll(const std::vector<std::string>& ids,
                                      int width) {
  return InParallel(ids.size(), width, [&](size_t i) {
    HOLDFAST_RETURN_IF_ERROR(client_->End(ids[i]));
    return client_->Unregister(ids[i]);
  });
}

std::vector<pid_t> ContainerdDaemon::ShimPids() const {
  std::vector<pid_t> shims;
  for (const std::string& line : hack::ProcessesNaming(Socket())) {
    const std::vector<absl::string_view> words = absl::StrSplit(line, ' ');
    pid_t pid = 0;
    if (absl::SimpleAtoi(words[0], &pid)) shims.push_back(pid);
  }
  return shims;
}

absl::StatusOr<double> ContainerdDaemon::ShimGroupKib() const {
  for (const std::string& group : hack::CgroupDirectories(cgroup_)) {
    for (const char* file : {"/memory.usage_in_bytes", "/memory.current"}) {
      const absl::StatusOr<std::string> text = ReadSmallFile(group + file);
      double bytes = 0;
      if (text.ok() && absl::SimpleAtod(*text, &bytes)) return bytes / 1024;
    }
  }
  return absl::NotFoundError("no memory controller counts " + cgroup_);
}

}  // namespace holdfast::bench
