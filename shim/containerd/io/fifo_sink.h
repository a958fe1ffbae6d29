#pragma once

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "base/unique_fd.h"
#include "shim/containerd/io/sink.h"

namespace holdfast::containerd {

// The writing end of a client's FIFO, or of a logger's pipe. It is open all the
// time, so that a reader's open never waits.
//
// A reader that vanishes is learnt from EPIPE. Then we hold a reading end, too:
// what the old reader has left stays, what fits is put after it, and when the
// FIFO is full the next reader makes it writable, which wakes us. While that
// end is held nothing tells whether anyone else reads; ReaderIsAway() lets go
// of it for a moment. (Not inotify: a user has 128 instances, and containerd
// needs one of them to come back.)
//
// SIGPIPE is to be ignored.
class FifoSink : public Sink {
 public:
  // NotFound: no such file. FailedPrecondition: not a FIFO.
  static absl::StatusOr<std::unique_ptr<Sink>> Open(const std::string& path);
  explicit FifoSink(UniqueFd writer) : writer_(std::move(writer)) {}

  Taken TakeFrom(int pipe, uint64_t limit) override;
  bool TakesPipes() const override { return true; }
  Taken Take(absl::string_view bytes) override;
  int watch_fd() const override;
  void OnEvents(uint32_t events) override;
  bool ReaderIsAway() override;
  uint64_t Unread() const override;
  bool Finish() override;

 private:
  template <typename Write>
  Taken Attempt(Write write);
  bool Hold();

  UniqueFd writer_;
  UniqueFd holder_;  // our reading end
  bool cannot_hold_ = false;
};

}  // namespace holdfast::containerd
