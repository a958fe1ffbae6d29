#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "base/unique_fd.h"
#include "shim/containerd/io/sink.h"

namespace holdfast::containerd {

class Spool;

// What several spools may hold together.
class SpoolBudget {
 public:
  explicit SpoolBudget(uint64_t max_bytes) : max_bytes_(max_bytes) {}

  uint64_t room() const;
  // Loses up to `limit` of the oldest bytes of the spool that holds most; how
  // many.
  uint64_t DropOldest(uint64_t limit);

 private:
  friend class Spool;

  const uint64_t max_bytes_;
  uint64_t used_bytes_ = 0;
  std::vector<Spool*> spools_;
};

// The part of a stream that waits for its reader, in order, on disk; and what
// of it was lost, each loss told in its place, as a line of its own:
//   [holdfast: 123 bytes of output lost: the spool is full]
// The file is made with the first byte, what was consumed is given back to the
// file system on the way, and an empty one has no length. It is not durable,
// and goes with this object.
//
// Bytes come in by splice(2), and are read out: a pipe would refer to pages of
// the file, which change under it when a hole is punched into a big one.
class Spool {
 public:
  // An empty path: nothing fits, and losses are told all the same.
  Spool(std::string path, std::shared_ptr<SpoolBudget> budget);
  ~Spool();
  Spool(const Spool&) = delete;
  Spool& operator=(const Spool&) = delete;

  // Nothing waits, not even word of a loss.
  bool empty() const;
  uint64_t bytes() const { return tail_ - head_; }
  uint64_t lost_bytes() const { return lost_bytes_; }
  uint64_t room() const;

  // Takes up to `limit` bytes out of `pipe`. An error: none were taken, and
  // room or not, it takes none now.
  Taken TakeFrom(int pipe, uint64_t limit);
  // All of `bytes`, or none.
  Taken Take(absl::string_view bytes);

  // The oldest of what waits, in `buffer`. What cannot be read is lost.
  static constexpr size_t kPieceBytes = 4096;
  absl::string_view Peek(char (&buffer)[kPieceBytes]);
  // So much of what Peek returned is with the reader. Only then is the number
  // of a loss that is still growing a fixed one.
  void Consume(uint64_t bytes);

  // Loses up to `limit` of the oldest bytes, for `error`, or since it is full
  // (0); how many.
  uint64_t DropOldest(uint64_t limit, int error = 0);
  // The same, of the biggest spool of those that share the budget.
  uint64_t MakeRoom(uint64_t limit) { return budget_->DropOldest(limit); }
  // `bytes` that come now are lost.
  void LoseNewest(uint64_t bytes, int error);

 private:
  struct Loss {
    uint64_t bytes = 0;
    int error = 0;  // 0: no room

    std::string Note() const;
  };

  int MakeReady();
  int WriteAtTail(absl::string_view bytes);
  void Grew(uint64_t bytes);
  void Advance(uint64_t bytes);
  Loss& FirstLoss();

  const std::string path_;
  const std::shared_ptr<SpoolBudget> budget_;
  UniqueFd file_;
  uint64_t head_ = 0;     // what is before is consumed or lost,
  uint64_t punched_ = 0;  // and this much of it takes no space
  uint64_t tail_ = 0;
  std::string note_;  // the rest of one that was consumed in part
  Loss before_head_;
  Loss after_tail_;
  uint64_t lost_bytes_ = 0;
};

}  // namespace holdfast::containerd
