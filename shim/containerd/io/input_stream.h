#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/event_loop.h"
#include "base/unique_fd.h"

namespace holdfast::containerd {

// A process's input: what clients write into a FIFO goes to its pipe, or to its
// terminal. Clients come and go; the input ends after Close(), when the last
// of them has gone and all that they wrote has been handed over.
class InputStream {
 public:
  // NotFound: there is no such FIFO.
  static absl::StatusOr<std::unique_ptr<InputStream>> Open(
      EventLoop& loop, const std::string& fifo);
  ~InputStream();

  // Where it goes: a pipe's writing end, or (a duplicate of) a terminal's
  // master.
  absl::Status Start(UniqueFd target, bool is_terminal);
  void Close() { keeper_.Reset(); }

 private:
  InputStream(EventLoop& loop, UniqueFd fifo, UniqueFd keeper);
  absl::Status Watch();
  void Pump(uint32_t events);
  void WaitForTarget();
  int MoveSome(uint64_t limit);
  int WriteHeld();
  void Stop();

  EventLoop& loop_;
  UniqueFd fifo_;
  UniqueFd keeper_;  // a writer of ours, so that no client is the last one
  UniqueFd target_;
  bool is_terminal_ = false;
  std::string held_;  // what a terminal has not taken yet
};

}  // namespace holdfast::containerd
