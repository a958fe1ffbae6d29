#include "shim/containerd/io/output_stream.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "base/errors.h"

namespace holdfast::containerd {
namespace {

constexpr uint64_t kTurnBytes = 256 << 10;     // moved in one turn of the loop
constexpr uint64_t kFullPipeBytes = 64 << 10;  // a pipe's usual capacity
constexpr int kBusyPipeBytes = 1 << 20;

}  // namespace

OutputStream::OutputStream(EventLoop& loop, std::unique_ptr<Sink> sink,
                           std::unique_ptr<Spool> spool, WhenFull when_full,
                           std::function<void()> on_progress)
    : loop_(loop),
      sink_(std::move(sink)),
      spool_(std::move(spool)),
      when_full_(when_full),
      on_progress_(std::move(on_progress)) {}

OutputStream::~OutputStream() {
  (void)WatchSource(false);  // nothing can go wrong
  (void)WatchSink(false);
}

absl::Status OutputStream::Start(OutputSource source) {
  source_ = std::move(source);
  started_ = true;
  return WatchSource(true);
}

void OutputStream::RetryReader() {
  if (started_) Pump();
}

void OutputStream::ProcessEnded() {
  if (!source_) return;
  source_.ProcessEnded();
  Pump();
}

bool OutputStream::IsFlushed() {
  if (!started_) return true;
  return (!source_ && spool_->empty()) || sink_->ReaderIsAway();
}

bool OutputStream::IsRead() {
  if (!IsFlushed()) return false;
  return source_ || !reader_knows_ || sink_->Unread() == 0;
}

bool OutputStream::AwaitsReader() const {
  return started_ && !source_ && (!reader_knows_ || left_bytes() > 0);
}

bool OutputStream::LacksReader() {
  return started_ && left_bytes() > 0 && sink_->ReaderIsAway();
}

void OutputStream::Pump() {
  uint64_t left = kTurnBytes;
  waits_ = false;
  EmptySpool(left);
  if (source_) EmptySource(left);
  if (!source_ && spool_->empty()) {
    (void)WatchSink(false);  // it may close what is watched
    reader_knows_ = sink_->Finish();
  }
  Arm();
  if (!source_) on_progress_();
}

void OutputStream::EmptySpool(uint64_t& left) {
  char buffer[Spool::kPieceBytes];
  while (left > 0 && !spool_->empty()) {
    const absl::string_view piece = spool_->Peek(buffer);
    const Taken taken = sink_->Take(piece);
    const bool all = taken.bytes == piece.size();
    left -= std::min(left, taken.bytes);
    spool_->Consume(taken.bytes);
    if (!all) return;
  }
}

void OutputStream::EmptySource(uint64_t& left) {
  while (left > 0) {
    const uint64_t available = source_.Available();
    if (available == 0 && source_.AtEnd()) {
      (void)WatchSource(false);
      source_ = OutputSource();
    }
    if (available == 0) return;
    if (available >= kFullPipeBytes) GrowPipe();
    const uint64_t taken = TakeSome(std::min(available, left));
    waits_ = taken == 0;
    if (waits_) return;
    left -= taken;
  }
}

// Once something waits in the spool, all that follows goes through it.
uint64_t OutputStream::TakeSome(uint64_t limit) {
  if (spool_->empty()) {
    const uint64_t taken = ToSink(limit);
    if (taken > 0) return taken;
  }
  const uint64_t room = spool_->room();
  if (room == 0) return AtTheBound(limit, 0);
  const Taken taken = spool_->TakeFrom(source_.pipe(), std::min(limit, room));
  return taken.error == 0 ? taken.bytes : AtTheBound(limit, taken.error);
}

uint64_t OutputStream::ToSink(uint64_t limit) {
  return sink_->TakesPipes() ? sink_->TakeFrom(source_.pipe(), limit).bytes
                             : Copy(limit);
}

// What was read cannot go back: what the sink refuses is spooled, or lost.
uint64_t OutputStream::Copy(uint64_t limit) {
  char buffer[Spool::kPieceBytes];
  const ssize_t got =
      read(source_.pipe(), buffer, std::min<uint64_t>(limit, sizeof buffer));
  if (got <= 0) return 0;
  const absl::string_view bytes(buffer, static_cast<size_t>(got));
  const Taken taken = sink_->Take(bytes);
  const absl::string_view rest = bytes.substr(taken.bytes);
  if (!rest.empty() &&
      (spool_->room() < rest.size() || spool_->Take(rest).error != 0)) {
    spool_->LoseNewest(rest.size(), taken.error);
  }
  return bytes.size();
}

uint64_t OutputStream::AtTheBound(uint64_t limit, int error) {
  switch (RemedyFor(when_full_, sink_->ReaderIsAway())) {
    case Remedy::kWait:
      return 0;
    case Remedy::kDropNewest:
      return Drop(limit, error);
    case Remedy::kDropOldest:
      break;
  }
  // On a disk that fails, room is of no use.
  const uint64_t room = error == 0 ? spool_->MakeRoom(limit) : 0;
  if (room == 0) return Drop(limit, error);
  const Taken taken = spool_->TakeFrom(source_.pipe(), room);
  return taken.error == 0 ? taken.bytes : Drop(limit, taken.error);
}

uint64_t OutputStream::Drop(uint64_t limit, int error) {
  char buffer[Spool::kPieceBytes];
  uint64_t dropped = 0;
  while (dropped < limit) {
    const ssize_t got =
        read(source_.pipe(), buffer,
             std::min<uint64_t>(limit - dropped, sizeof buffer));
    if (got <= 0) break;
    dropped += static_cast<uint64_t>(got);
  }
  spool_->LoseNewest(dropped, error);
  return dropped;
}

// Fewer turns for a busy stream; an idle one does not pay for it.
void OutputStream::GrowPipe() {
  if (std::exchange(pipe_grown_, true)) return;
  // EPERM: past the user's limit on pipes; the usual size does.
  (void)fcntl(source_.pipe(), F_SETPIPE_SZ, kBusyPipeBytes);
}

// An error (out of memory): tried again with the next event or retry.
void OutputStream::Arm() {
  (void)WatchSource(source_ && !waits_);
  (void)WatchSink(waits_ || !spool_->empty());
}

absl::Status OutputStream::WatchSource(bool wanted) {
  const uint32_t events = wanted ? source_.watch_events() : 0;
  if (events == source_watched_) return absl::OkStatus();
  if (source_watched_ != 0) loop_.Unwatch(source_.watch_fd());
  source_watched_ = 0;
  if (!wanted) return absl::OkStatus();
  HOLDFAST_RETURN_IF_ERROR(
      loop_.Watch(source_.watch_fd(), events, [this](uint32_t came) {
        source_.OnEvents(came);
        Pump();
      }));
  source_watched_ = events;
  return absl::OkStatus();
}

absl::Status OutputStream::WatchSink(bool wanted) {
  const int fd = wanted ? sink_->watch_fd() : -1;
  if (fd == sink_watched_) return absl::OkStatus();
  if (sink_watched_ >= 0) loop_.Unwatch(sink_watched_);
  sink_watched_ = -1;
  if (fd < 0) return absl::OkStatus();
  HOLDFAST_RETURN_IF_ERROR(loop_.Watch(fd, EPOLLOUT, [this](uint32_t came) {
    sink_->OnEvents(came);
    Pump();
  }));
  sink_watched_ = fd;
  return absl::OkStatus();
}

}  // namespace holdfast::containerd
