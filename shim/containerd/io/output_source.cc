#include "shim/containerd/io/output_source.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <utility>

#include "base/errors.h"

namespace holdfast::containerd {
namespace {

constexpr size_t kStageBytes = 4096;  // what an empty pipe always takes

absl::Status DoNotBlock(int fd) {
  const int flags = fcntl(fd, F_GETFL);
  if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) != 0) {
    return ErrnoStatus(errno, "fcntl", "a process's output");
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<OutputSource> OutputSource::OfPipe(UniqueFd pipe,
                                                  bool sees_end) {
  HOLDFAST_RETURN_IF_ERROR(DoNotBlock(pipe.get()));
  OutputSource source;
  source.pipe_ = std::move(pipe);
  source.sees_end_ = sees_end;
  return source;
}

absl::StatusOr<OutputSource> OutputSource::OfTerminal(UniqueFd master) {
  HOLDFAST_RETURN_IF_ERROR(DoNotBlock(master.get()));
  int ends[2];
  if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0) {
    return ErrnoStatus(errno, "pipe2", "a terminal's output");
  }
  OutputSource source;
  source.pipe_ = UniqueFd(ends[0]);
  source.stage_ = UniqueFd(ends[1]);
  source.master_ = std::move(master);
  return source;
}

uint32_t OutputSource::watch_events() const {
  return master_ && writers_gone_ ? EPOLLIN | EPOLLET : EPOLLIN;
}

uint64_t OutputSource::Available() {
  int bytes = 0;
  if (ioctl(pipe_.get(), FIONREAD, &bytes) != 0) return 0;
  if (bytes == 0 && master_) {
    FillStage();
    if (ioctl(pipe_.get(), FIONREAD, &bytes) != 0) return 0;
  }
  return static_cast<uint64_t>(bytes);
}

// EIO: nobody has the terminal open, and all that was written has been read.
void OutputSource::FillStage() {
  char buffer[kStageBytes];
  ssize_t got;
  do {
    got = read(master_.get(), buffer, sizeof buffer);
  } while (got < 0 && errno == EINTR);
  writers_gone_ = got == 0 || (got < 0 && errno != EAGAIN);
  if (got > 0) (void)!write(stage_.get(), buffer, static_cast<size_t>(got));
}

void OutputSource::OnEvents(uint32_t events) {
  if (!master_) writers_gone_ = (events & (EPOLLHUP | EPOLLERR)) != 0;
}

bool OutputSource::AtEnd() const {
  if (master_) return process_ended_ && writers_gone_;
  return sees_end_ ? writers_gone_ : process_ended_;
}

}  // namespace holdfast::containerd
