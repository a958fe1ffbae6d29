#include "shim/containerd/io/fifo_sink.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <utility>

#include "absl/strings/str_cat.h"
#include "base/errors.h"

namespace holdfast::containerd {
namespace {

// Another end of the same pipe, whatever its path names now.
UniqueFd OpenOtherEnd(int end, int flags) {
  const std::string path = absl::StrCat("/proc/self/fd/", end);
  return UniqueFd(open(path.c_str(), flags | O_NONBLOCK | O_CLOEXEC));
}

}  // namespace

absl::StatusOr<std::unique_ptr<Sink>> FifoSink::Open(const std::string& path) {
  // For reading too, as else it would not open without a reader.
  const UniqueFd both(open(path.c_str(), O_RDWR | O_NONBLOCK | O_CLOEXEC));
  if (!both) return ErrnoStatus(errno, "open", path);
  struct stat info;
  if (fstat(both.get(), &info) != 0) return ErrnoStatus(errno, "fstat", path);
  if (!S_ISFIFO(info.st_mode)) {
    return absl::FailedPreconditionError(
        absl::StrCat("open ", path, ": not a FIFO"));
  }
  UniqueFd writer = OpenOtherEnd(both.get(), O_WRONLY);
  if (!writer) return ErrnoStatus(errno, "open for writing", path);
  return std::make_unique<FifoSink>(std::move(writer));
}

template <typename Write>
Taken FifoSink::Attempt(Write write) {
  for (;;) {
    const ssize_t written = write();
    if (written >= 0) return {.bytes = static_cast<uint64_t>(written)};
    const int error = errno;
    if (error == EINTR || (error == EPIPE && Hold())) continue;
    return {.error = error};
  }
}

Taken FifoSink::TakeFrom(int pipe, uint64_t limit) {
  return Attempt([&] {
    return splice(pipe, nullptr, writer_.get(), nullptr, limit,
                  SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
  });
}

Taken FifoSink::Take(absl::string_view bytes) {
  return Attempt(
      [&] { return write(writer_.get(), bytes.data(), bytes.size()); });
}

// Without a reader, not even us, it would report EPOLLERR without end.
int FifoSink::watch_fd() const { return cannot_hold_ ? -1 : writer_.get(); }

void FifoSink::OnEvents(uint32_t events) {
  if ((events & EPOLLERR) != 0) {
    Hold();
  } else if ((events & EPOLLOUT) != 0) {
    holder_.Reset();  // it was full: someone has read
  }
}

bool FifoSink::Hold() {
  if (holder_) return false;
  holder_ = OpenOtherEnd(writer_.get(), O_RDONLY);
  cannot_hold_ = !holder_;
  return !cannot_hold_;
}

bool FifoSink::ReaderIsAway() {
  holder_.Reset();
  pollfd writer = {.fd = writer_.get(), .events = POLLOUT, .revents = 0};
  if (poll(&writer, 1, 0) <= 0 || (writer.revents & POLLERR) == 0) return false;
  Hold();
  return true;
}

uint64_t FifoSink::Unread() const {
  int bytes = 0;
  const int end = writer_ ? writer_.get() : holder_.get();
  if (end < 0 || ioctl(end, FIONREAD, &bytes) != 0) return 0;
  return static_cast<uint64_t>(bytes);
}

// The last bytes stay with us, should this reader vanish as well: then the end
// is to be told again to the one that gets them.
bool FifoSink::Finish() {
  if (!writer_) {
    if (Unread() == 0) holder_.Reset();
    if (!holder_) return true;
    writer_ = OpenOtherEnd(holder_.get(), O_WRONLY);
    if (!writer_) return true;
  }
  if (ReaderIsAway()) return false;
  if (Unread() > 0) Hold();
  writer_.Reset();
  return true;
}

}  // namespace holdfast::containerd
