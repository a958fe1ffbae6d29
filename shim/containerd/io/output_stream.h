#pragma once

#include <cstdint>
#include <functional>
#include <memory>

#include "absl/status/status.h"
#include "base/event_loop.h"
#include "shim/containerd/io/output_source.h"
#include "shim/containerd/io/sink.h"
#include "shim/containerd/io/spool.h"
#include "shim/containerd/io/when_full.h"

namespace holdfast::containerd {

// One stream of a process's output, from where it comes to its reader:
//
//   source ──────────────────────────▶ sink   while nothing waits in the spool
//      └─────────▶ spool ────────────▶        once the sink is full
//
// At most a bounded amount is moved in each turn of the loop.
class OutputStream {
 public:
  // `on_progress` from the loop, when IsFlushed() may have become true.
  OutputStream(EventLoop& loop, std::unique_ptr<Sink> sink,
               std::unique_ptr<Spool> spool, WhenFull when_full,
               std::function<void()> on_progress);
  ~OutputStream();
  OutputStream(const OutputStream&) = delete;
  OutputStream& operator=(const OutputStream&) = delete;

  absl::Status Start(OutputSource source);
  void RetryReader();
  void ProcessEnded();

  // The process has ended, and its reader has everything, or is not there to
  // take it. Also where it never started.
  bool IsFlushed();
  // IsFlushed(), and the reader has taken it out of its FIFO, too.
  bool IsRead();
  // Only a reader keeps it: from the last bytes, or from its end of file.
  bool AwaitsReader() const;
  // There is output, and nobody to take it.
  bool LacksReader();
  // Not with the reader yet, as far as can be told.
  uint64_t left_bytes() const { return spool_->bytes() + sink_->Unread(); }
  const Spool& spool() const { return *spool_; }

 private:
  void Pump();
  void EmptySpool(uint64_t& left);
  void EmptySource(uint64_t& left);
  uint64_t TakeSome(uint64_t limit);
  uint64_t ToSink(uint64_t limit);
  uint64_t Copy(uint64_t limit);
  uint64_t AtTheBound(uint64_t limit, int error);
  uint64_t Drop(uint64_t limit, int error);
  void GrowPipe();
  void Arm();
  absl::Status WatchSource(bool wanted);
  absl::Status WatchSink(bool wanted);

  EventLoop& loop_;
  const std::unique_ptr<Sink> sink_;
  const std::unique_ptr<Spool> spool_;
  const WhenFull when_full_;
  const std::function<void()> on_progress_;
  OutputSource source_;
  bool started_ = false;
  bool waits_ = false;  // the process does, or will once its pipe is full
  bool pipe_grown_ = false;
  bool reader_knows_ = false;    // that it was all; else it is away
  uint32_t source_watched_ = 0;  // for what
  int sink_watched_ = -1;        // which descriptor
};

}  // namespace holdfast::containerd
