#pragma once

#include <cstdint>

#include "absl/strings/string_view.h"

namespace holdfast::containerd {

// How much was taken, and why not all: EAGAIN while it is full, else an errno.
struct Taken {
  uint64_t bytes = 0;
  int error = 0;
};

// Where a stream goes in the end.
class Sink {
 public:
  virtual ~Sink() = default;

  // Takes up to `limit` of the bytes in `pipe`, of which there are some; what
  // it does not take stays there. A sink that cannot (no TakesPipes) is given
  // bytes.
  virtual Taken TakeFrom(int pipe, uint64_t limit) = 0;
  virtual bool TakesPipes() const = 0;
  virtual Taken Take(absl::string_view bytes) = 0;

  // What to watch for EPOLLOUT after EAGAIN, and to be told of what came; -1:
  // nothing tells when it takes more.
  virtual int watch_fd() const = 0;
  virtual void OnEvents(uint32_t events) = 0;

  // Nobody takes anything: not only slow.
  virtual bool ReaderIsAway() = 0;

  // Of what it took, what its reader has not taken yet.
  virtual uint64_t Unread() const { return 0; }

  // It has all that there will be. False: nobody is there to be told so, and
  // bytes that were taken wait for a reader, who would lose them with us; to be
  // asked again.
  virtual bool Finish() = 0;
};

}  // namespace holdfast::containerd
