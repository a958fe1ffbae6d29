#include "shim/containerd/io/spool.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"

namespace holdfast::containerd {
namespace {

constexpr uint64_t kBlockBytes = 4096;
constexpr uint64_t kPunchBytes = 256 << 10;  // at least, at once

}  // namespace

std::string Spool::Loss::Note() const {
  return absl::StrCat("[holdfast: ", bytes, " bytes of output lost: ",
                      error == 0 ? "the spool is full" : strerror(error),
                      "]\n");
}

uint64_t SpoolBudget::room() const {
  return used_bytes_ < max_bytes_ ? max_bytes_ - used_bytes_ : 0;
}

uint64_t SpoolBudget::DropOldest(uint64_t limit) {
  const auto biggest = std::max_element(
      spools_.begin(), spools_.end(),
      [](const Spool* a, const Spool* b) { return a->bytes() < b->bytes(); });
  return biggest == spools_.end() ? 0 : (*biggest)->DropOldest(limit);
}

Spool::Spool(std::string path, std::shared_ptr<SpoolBudget> budget)
    : path_(std::move(path)), budget_(std::move(budget)) {
  budget_->spools_.push_back(this);
}

Spool::~Spool() {
  budget_->used_bytes_ -= bytes();
  std::erase(budget_->spools_, this);
  if (file_) unlink(path_.c_str());
}

bool Spool::empty() const {
  return head_ == tail_ && note_.empty() && before_head_.bytes == 0 &&
         after_tail_.bytes == 0;
}

uint64_t Spool::room() const { return path_.empty() ? 0 : budget_->room(); }

Taken Spool::TakeFrom(int pipe, uint64_t limit) {
  if (const int error = MakeReady(); error != 0) return {.error = error};
  loff_t offset = static_cast<loff_t>(tail_);
  ssize_t moved;
  do {
    moved = splice(pipe, nullptr, file_.get(), &offset, limit,
                   SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
  } while (moved < 0 && errno == EINTR);
  if (moved < 0) return {.error = errno};
  Grew(static_cast<uint64_t>(moved));
  return {.bytes = static_cast<uint64_t>(moved)};
}

Taken Spool::Take(absl::string_view bytes) {
  int error = MakeReady();
  if (error == 0) error = WriteAtTail(bytes);
  return {.bytes = error == 0 ? bytes.size() : 0, .error = error};
}

// Opens the file, and tells in it what was lost before what comes now: past the
// bound, if need be, as that is short. Returns an errno, or 0.
int Spool::MakeReady() {
  if (!file_) {
    file_ = UniqueFd(open(path_.c_str(),
                          O_RDWR | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC,
                          0600));
    if (!file_) return errno;
  }
  if (after_tail_.bytes == 0) return 0;
  const int error = WriteAtTail(after_tail_.Note());
  if (error == 0) after_tail_ = {};
  return error;
}

// What a short write has written is covered by the next.
int Spool::WriteAtTail(absl::string_view bytes) {
  const ssize_t put = pwrite(file_.get(), bytes.data(), bytes.size(),
                             static_cast<off_t>(tail_));
  if (put < 0) return errno;
  if (static_cast<size_t>(put) != bytes.size()) return ENOSPC;
  Grew(bytes.size());
  return 0;
}

void Spool::Grew(uint64_t bytes) {
  tail_ += bytes;
  budget_->used_bytes_ += bytes;
}

absl::string_view Spool::Peek(char (&buffer)[kPieceBytes]) {
  if (!note_.empty()) return note_;
  if (before_head_.bytes == 0 && bytes() > 0) {
    ssize_t got;
    do {
      got = pread(file_.get(), buffer, std::min<uint64_t>(bytes(), kPieceBytes),
                  static_cast<off_t>(head_));
    } while (got < 0 && errno == EINTR);
    if (got > 0) return {buffer, static_cast<size_t>(got)};
    DropOldest(bytes(), got < 0 ? errno : EIO);
  }
  const std::string note = FirstLoss().Note();
  return {buffer, note.copy(buffer, sizeof buffer)};
}

void Spool::Consume(uint64_t bytes) {
  if (bytes == 0) return;
  if (!note_.empty()) {
    note_.erase(0, bytes);
  } else if (Loss& loss = FirstLoss(); loss.bytes > 0) {
    note_ = std::exchange(loss, {}).Note().substr(bytes);
  } else {
    Advance(bytes);
  }
}

// What comes first of what waits, if that is a loss.
Spool::Loss& Spool::FirstLoss() {
  return before_head_.bytes > 0 || bytes() > 0 ? before_head_ : after_tail_;
}

uint64_t Spool::DropOldest(uint64_t limit, int error) {
  const uint64_t dropped = std::min(limit, bytes());
  if (dropped == 0) return 0;
  before_head_.bytes += dropped;
  before_head_.error = error;
  lost_bytes_ += dropped;
  Advance(dropped);
  return dropped;
}

void Spool::LoseNewest(uint64_t bytes, int error) {
  after_tail_.bytes += bytes;
  after_tail_.error = error;
  lost_bytes_ += bytes;
}

void Spool::Advance(uint64_t bytes) {
  head_ += bytes;
  budget_->used_bytes_ -= bytes;
  if (head_ == tail_) {
    if (ftruncate(file_.get(), 0) == 0) head_ = tail_ = punched_ = 0;
    return;
  }
  const uint64_t end = head_ / kBlockBytes * kBlockBytes;
  if (end < punched_ + kPunchBytes) return;
  // Where a file system cannot, the space is given back at the end.
  (void)fallocate(file_.get(), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
                  static_cast<off_t>(punched_),
                  static_cast<off_t>(end - punched_));
  punched_ = end;
}

}  // namespace holdfast::containerd
