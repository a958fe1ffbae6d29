#include "shim/containerd/io/input_stream.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/errors.h"

namespace holdfast::containerd {
namespace {

constexpr uint64_t kInputTurnBytes = 64 << 10;
constexpr uint64_t kTypedBytes = 1024;  // read at once for a terminal

uint64_t Available(int fd) {
  int bytes = 0;
  if (ioctl(fd, FIONREAD, &bytes) != 0) return 0;
  return static_cast<uint64_t>(bytes);
}

}  // namespace

absl::StatusOr<std::unique_ptr<InputStream>> InputStream::Open(
    EventLoop& loop, const std::string& fifo) {
  UniqueFd reader(open(fifo.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
  if (!reader) return ErrnoStatus(errno, "open", fifo);
  struct stat info;
  if (fstat(reader.get(), &info) != 0) return ErrnoStatus(errno, "fstat", fifo);
  if (!S_ISFIFO(info.st_mode)) {
    return absl::FailedPreconditionError(
        absl::StrCat("open ", fifo, ": not a FIFO"));
  }
  UniqueFd keeper(open(absl::StrCat("/proc/self/fd/", reader.get()).c_str(),
                       O_WRONLY | O_NONBLOCK | O_CLOEXEC));
  if (!keeper) return ErrnoStatus(errno, "open for writing", fifo);
  return std::unique_ptr<InputStream>(
      new InputStream(loop, std::move(reader), std::move(keeper)));
}

InputStream::InputStream(EventLoop& loop, UniqueFd fifo, UniqueFd keeper)
    : loop_(loop), fifo_(std::move(fifo)), keeper_(std::move(keeper)) {}

InputStream::~InputStream() { Stop(); }

absl::Status InputStream::Start(UniqueFd target, bool is_terminal) {
  const int flags = fcntl(target.get(), F_GETFL);
  if (flags < 0 || fcntl(target.get(), F_SETFL, flags | O_NONBLOCK) != 0) {
    return ErrnoStatus(errno, "fcntl", "a process's input");
  }
  target_ = std::move(target);
  is_terminal_ = is_terminal;
  return Watch();
}

absl::Status InputStream::Watch() {
  return loop_.Watch(fifo_.get(), EPOLLIN,
                     [this](uint32_t events) { Pump(events); });
}

void InputStream::Pump(uint32_t events) {
  const uint64_t available = std::min(Available(fifo_.get()), kInputTurnBytes);
  if (available == 0) {
    if ((events & EPOLLHUP) != 0) Stop();  // no client is left, nor a keeper
    return;
  }
  const int error = MoveSome(available);
  if (error == EAGAIN) return WaitForTarget();
  if (error != 0) Stop();  // the process does not read any more
}

// An errno of the target's, or 0.
int InputStream::MoveSome(uint64_t limit) {
  ssize_t moved;
  if (is_terminal_) {
    held_.resize(std::min(limit, kTypedBytes));
    moved = read(fifo_.get(), held_.data(), held_.size());
    held_.resize(moved > 0 ? static_cast<size_t>(moved) : 0);
    return WriteHeld();
  }
  moved = splice(fifo_.get(), nullptr, target_.get(), nullptr, limit,
                 SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
  return moved >= 0 || errno == EINTR ? 0 : errno;
}

int InputStream::WriteHeld() {
  while (!held_.empty()) {
    const ssize_t put = write(target_.get(), held_.data(), held_.size());
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) return errno;
    held_.erase(0, static_cast<size_t>(put));
  }
  return 0;
}

void InputStream::WaitForTarget() {
  loop_.Unwatch(fifo_.get());
  const absl::Status watched =
      loop_.Watch(target_.get(), EPOLLOUT, [this](uint32_t) {
        const int error = WriteHeld();
        if (error == EAGAIN) return;
        loop_.Unwatch(target_.get());
        if (error != 0 || !Watch().ok()) Stop();
      });
  if (!watched.ok()) Stop();
}

void InputStream::Stop() {
  for (UniqueFd* fd : {&fifo_, &target_}) {
    if (*fd) loop_.Unwatch(fd->get());
    fd->Reset();
  }
  keeper_.Reset();
  held_.clear();
}

}  // namespace holdfast::containerd
