#include "tests/bench/floors.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "base/errors.h"
#include "base/files.h"
#include "base/unique_fd.h"

namespace holdfast::bench {
namespace {

constexpr size_t kRecordBytes = 256;
constexpr size_t kFileBytes = size_t{1024} * 1024;

double MillisecondsSince(absl::Time start) {
  return absl::ToDoubleMilliseconds(absl::Now() - start);
}

absl::StatusOr<pid_t> SpawnSleeper() {
  std::string program = "busybox", sleep = "sleep", seconds = "1000";
  char* argv[] = {program.data(), sleep.data(), seconds.data(), nullptr};
  pid_t pid = -1;
  const int error =
      posix_spawnp(&pid, "busybox", nullptr, nullptr, argv, environ);
  if (error != 0) return ErrnoStatus(error, "posix_spawn", "busybox");
  return pid;
}

// Our own child, not yet reaped: its number is still its own.
void EndChild(pid_t pid) {
  kill(pid, SIGKILL);
  waitpid(pid, nullptr, 0);
}

absl::StatusOr<UniqueFd> UnixSocket() {
  UniqueFd fd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!fd) return ErrnoStatus(errno, "socket", "AF_UNIX");
  return fd;
}

sockaddr_un SocketAddress(const std::string& directory, int number) {
  sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  absl::StrCat(directory, "/s", number)
      .copy(address.sun_path, sizeof(address.sun_path) - 1);
  return address;
}

absl::StatusOr<std::vector<UniqueFd>> ListenOnAll(const std::string& directory,
                                                  int sockets) {
  std::vector<UniqueFd> listening;
  for (int i = 0; i < sockets; ++i) {
    HOLDFAST_ASSIGN_OR_RETURN(UniqueFd fd, UnixSocket());
    const sockaddr_un address = SocketAddress(directory, i);
    unlink(address.sun_path);
    if (bind(fd.get(), reinterpret_cast<const sockaddr*>(&address),
             sizeof(address)) != 0 ||
        listen(fd.get(), 64) != 0) {
      return ErrnoStatus(errno, "listen", address.sun_path);
    }
    listening.push_back(std::move(fd));
  }
  return listening;
}

absl::StatusOr<double> ConnectOnce(const std::string& directory, int sockets) {
  std::vector<UniqueFd> connected;
  const absl::Time start = absl::Now();
  for (int i = 0; i < sockets; ++i) {
    HOLDFAST_ASSIGN_OR_RETURN(UniqueFd fd, UnixSocket());
    const sockaddr_un address = SocketAddress(directory, i);
    if (connect(fd.get(), reinterpret_cast<const sockaddr*>(&address),
                sizeof(address)) != 0) {
      return ErrnoStatus(errno, "connect", address.sun_path);
    }
    connected.push_back(std::move(fd));
  }
  return MillisecondsSince(start);
}

}  // namespace

// Like a journal: its blocks are there before they are written.
absl::StatusOr<FloorMeter> FloorMeter::Create(const std::string& directory) {
  const std::string path = directory + "/floor";
  UniqueFd fd(open(path.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
  if (!fd) return ErrnoStatus(errno, "open", path);
  const std::vector<char> zeros(kFileBytes);
  if (write(fd.get(), zeros.data(), zeros.size()) !=
          static_cast<ssize_t>(zeros.size()) ||
      fsync(fd.get()) != 0) {
    return ErrnoStatus(errno, "write", path);
  }
  unlink(path.c_str());
  return FloorMeter(std::move(fd));
}

absl::Status FloorMeter::WriteDurably() {
  std::array<char, kRecordBytes> record;
  record.fill('x');
  if (pwrite(fd_.get(), record.data(), record.size(), offset_) !=
          static_cast<ssize_t>(record.size()) ||
      fdatasync(fd_.get()) != 0) {
    return ErrnoStatus(errno, "fdatasync", "floor");
  }
  offset_ = (offset_ + kRecordBytes) % (kFileBytes - kRecordBytes);
  return absl::OkStatus();
}

absl::StatusOr<double> FloorMeter::DurableWrite() {
  const absl::Time start = absl::Now();
  HOLDFAST_RETURN_IF_ERROR(WriteDurably());
  return MillisecondsSince(start);
}

absl::StatusOr<double> FloorMeter::SpawnAndWrite() {
  const absl::Time start = absl::Now();
  HOLDFAST_ASSIGN_OR_RETURN(const pid_t pid, SpawnSleeper());
  const absl::Status written = WriteDurably();
  const double took = MillisecondsSince(start);
  EndChild(pid);
  HOLDFAST_RETURN_IF_ERROR(written);
  return took;
}

absl::StatusOr<double> FloorMeter::KillReapAndWrite() {
  HOLDFAST_ASSIGN_OR_RETURN(const pid_t pid, SpawnSleeper());
  const absl::Time start = absl::Now();
  EndChild(pid);
  HOLDFAST_RETURN_IF_ERROR(WriteDurably());
  return MillisecondsSince(start);
}

absl::StatusOr<Samples> ConnectToAll(const std::string& directory, int sockets,
                                     int n) {
  const std::string socket_directory = directory + "/floor-sockets";
  HOLDFAST_RETURN_IF_ERROR(SystemFiles().MakeDirectory(socket_directory, 0700));
  HOLDFAST_ASSIGN_OR_RETURN(const std::vector<UniqueFd> listening,
                            ListenOnAll(socket_directory, sockets));
  Samples samples;
  for (int i = 0; i < n; ++i) {
    HOLDFAST_ASSIGN_OR_RETURN(const double took,
                              ConnectOnce(socket_directory, sockets));
    samples.Add(took);
  }
  HOLDFAST_RETURN_IF_ERROR(RemoveTree(socket_directory));
  return samples;
}

}  // namespace holdfast::bench
