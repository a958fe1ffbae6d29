#include "shim/output/output_log.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/errors.h"
#include "shim/output/log_files.h"

namespace holdfast::shim {
namespace {

constexpr uint64_t kTurnBytes = 256 << 10;     // taken in one turn of the loop
constexpr uint64_t kFullPipeBytes = 64 << 10;  // a pipe's usual capacity
constexpr int kBusyPipeBytes = 1 << 20;
constexpr size_t kBufferBytes = 4096;  // small: a shim's stack stays charged

// "write /x/stdout: No space left on device" → what comes last.
absl::string_view Reason(const absl::Status& error) {
  const absl::string_view text = error.message();
  const size_t colon = text.rfind(": ");
  return colon == absl::string_view::npos ? text : text.substr(colon + 2);
}

}  // namespace

class OutputLog::Impl {
 public:
  Impl(EventLoop& loop, UniqueFd pipe, LogFiles files, std::string path)
      : loop_(loop),
        pipe_(std::move(pipe)),
        files_(std::move(files)),
        path_(std::move(path)) {}
  ~Impl() { Close(); }
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  absl::Status Start() {
    const int flags = fcntl(pipe_.get(), F_GETFL);
    if (flags < 0 || fcntl(pipe_.get(), F_SETFL, flags | O_NONBLOCK) != 0) {
      return ErrnoStatus(errno, "fcntl the pipe of", path_);
    }
    return loop_.Watch(pipe_.get(), EPOLLIN,
                       [this](uint32_t events) { OnEvents(events); });
  }

  // What keeps it from being made is told with the first bytes.
  void Touch() { (void)files_.MakeRoomFor(0); }

  absl::Status Drain() {
    if (!pipe_) return first_error_;
    Take(Available());
    if (unnoted_bytes_ > 0) (void)WriteNote();  // the loss is returned, too
    Close();
    return first_error_;
  }

  absl::Status Sync() {
    return written_bytes_ == 0 ? absl::OkStatus() : files_.Sync();
  }

  uint64_t written_bytes() const { return written_bytes_; }
  uint64_t lost_bytes() const { return lost_bytes_; }

 private:
  void OnEvents(uint32_t events) {
    const uint64_t available = Available();
    if (available == 0 && (events & (EPOLLHUP | EPOLLERR)) != 0) {
      loop_.Unwatch(pipe_.get());  // no writer is left: it would never be quiet
      return;
    }
    if (available >= kFullPipeBytes) GrowPipe();
    Take(std::min(available, kTurnBytes));
  }

  void Close() {
    if (!pipe_) return;
    loop_.Unwatch(pipe_.get());
    pipe_.Reset();
  }

  uint64_t Available() const {
    int bytes = 0;
    if (ioctl(pipe_.get(), FIONREAD, &bytes) != 0) return 0;
    return static_cast<uint64_t>(bytes);
  }

  // Fewer turns for a busy stream; an idle one does not pay for it.
  void GrowPipe() {
    if (std::exchange(pipe_grown_, true)) return;
    // EPERM: past the user's limit on pipes; the usual size does.
    (void)fcntl(pipe_.get(), F_SETPIPE_SZ, kBusyPipeBytes);
  }

  // `bytes` are in the pipe and leave it, into the files or for nothing.
  void Take(uint64_t bytes) {
    while (bytes > 0) {
      const absl::StatusOr<uint64_t> taken = MoveSome(bytes);
      if (!taken.ok()) {
        Drop(bytes, taken.status());
        return;
      }
      if (*taken == 0) return;  // someone else has read it
      bytes -= *taken;
    }
  }

  absl::StatusOr<uint64_t> MoveSome(uint64_t limit) {
    if (unnoted_bytes_ > 0) HOLDFAST_RETURN_IF_ERROR(WriteNote());
    HOLDFAST_ASSIGN_OR_RETURN(const uint64_t room, files_.Room());
    limit = std::min(limit, room);
    return splice_works_ ? Splice(limit) : Copy(limit);
  }

  absl::StatusOr<uint64_t> Splice(uint64_t limit) {
    loff_t offset = static_cast<loff_t>(files_.end());
    ssize_t moved;
    do {
      moved = splice(pipe_.get(), nullptr, files_.fd(), &offset, limit,
                     SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
    } while (moved < 0 && errno == EINTR);
    if (moved < 0 && errno == EAGAIN) return 0;
    if (moved < 0 && errno == EINVAL) {  // not on this file system
      splice_works_ = false;
      return Copy(limit);
    }
    if (moved < 0) return ErrnoStatus(errno, "write", path_);
    return Wrote(static_cast<uint64_t>(moved));
  }

  // What was read cannot go back: it is lost where the write fails.
  absl::StatusOr<uint64_t> Copy(uint64_t limit) {
    char buffer[kBufferBytes];
    const uint64_t got = ReadSome(buffer, limit);
    uint64_t done = 0;
    while (done < got) {
      const ssize_t put = pwrite(files_.fd(), buffer + done, got - done,
                                 static_cast<off_t>(files_.end()));
      if (put < 0 && errno == EINTR) continue;
      if (put < 0) {
        Lose(got - done, ErrnoStatus(errno, "write", path_));
        break;
      }
      done += Wrote(static_cast<uint64_t>(put));
    }
    return got;
  }

  uint64_t Wrote(uint64_t bytes) {
    files_.Grew(bytes);
    written_bytes_ += bytes;
    return bytes;
  }

  uint64_t ReadSome(char (&buffer)[kBufferBytes], uint64_t limit) {
    ssize_t got;
    do {
      got = read(pipe_.get(), buffer, std::min<uint64_t>(limit, kBufferBytes));
    } while (got < 0 && errno == EINTR);
    return got < 0 ? 0 : static_cast<uint64_t>(got);
  }

  void Drop(uint64_t bytes, const absl::Status& why) {
    char buffer[kBufferBytes];
    uint64_t dropped = 0;
    while (dropped < bytes) {
      const uint64_t got = ReadSome(buffer, bytes - dropped);
      if (got == 0) break;
      dropped += got;
    }
    Lose(dropped, why);
  }

  void Lose(uint64_t bytes, const absl::Status& why) {
    if (first_error_.ok()) first_error_ = why;
    lost_bytes_ += bytes;
    unnoted_bytes_ += bytes;
    last_reason_ = std::string(Reason(why));
  }

  // Stands where the lost bytes would; whole, in one file, or not at all.
  absl::Status WriteNote() {
    const std::string note =
        absl::StrCat("[holdfast: ", unnoted_bytes_,
                     " bytes of output lost: ", last_reason_, "]\n");
    HOLDFAST_RETURN_IF_ERROR(files_.MakeRoomFor(note.size()));
    const off_t end = static_cast<off_t>(files_.end());
    const ssize_t put = pwrite(files_.fd(), note.data(), note.size(), end);
    if (put != static_cast<ssize_t>(note.size())) {
      const int error_number = put < 0 ? errno : ENOSPC;
      (void)!ftruncate(files_.fd(), end);  // else the next write covers it
      return ErrnoStatus(error_number, "write", path_);
    }
    files_.Grew(note.size());
    unnoted_bytes_ = 0;
    return absl::OkStatus();
  }

  EventLoop& loop_;
  UniqueFd pipe_;
  LogFiles files_;
  const std::string path_;
  bool pipe_grown_ = false;
  bool splice_works_ = true;
  uint64_t written_bytes_ = 0;
  uint64_t lost_bytes_ = 0;
  uint64_t unnoted_bytes_ = 0;  // lost since the last note
  std::string last_reason_;
  absl::Status first_error_;
};

absl::StatusOr<std::unique_ptr<OutputLog>> OutputLog::Create(
    EventLoop& loop, UniqueFd pipe, std::string directory, std::string name,
    OutputBounds bounds) {
  std::string path = absl::StrCat(directory, "/", name);
  HOLDFAST_ASSIGN_OR_RETURN(
      LogFiles files, LogFiles::Open(std::move(directory), std::move(name),
                                     bounds.max_file_bytes, bounds.max_files));
  auto impl = std::make_unique<Impl>(loop, std::move(pipe), std::move(files),
                                     std::move(path));
  HOLDFAST_RETURN_IF_ERROR(impl->Start());
  return std::unique_ptr<OutputLog>(new OutputLog(std::move(impl)));
}

OutputLog::OutputLog(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
OutputLog::~OutputLog() = default;

void OutputLog::Touch() { impl_->Touch(); }
absl::Status OutputLog::Drain() { return impl_->Drain(); }
absl::Status OutputLog::Sync() { return impl_->Sync(); }
uint64_t OutputLog::written_bytes() const { return impl_->written_bytes(); }
uint64_t OutputLog::lost_bytes() const { return impl_->lost_bytes(); }

}  // namespace holdfast::shim
