#pragma once

#include <string>
#include <utility>

#include "base/event_loop.h"
#include "base/unique_fd.h"

namespace holdfast::shim {

// Passes bytes on between two sockets, in the loop, until it is closed: then
// both sides' writers find their sockets filling up, as with a process that
// was stopped.
class Valve {
 public:
  Valve(EventLoop& loop, UniqueFd first, UniqueFd second);
  ~Valve();

  void Close();
  void Open();

 private:
  // Takes what is there and gives it to `to`.
  void Pass(int from, int to);

  EventLoop& loop_;
  const UniqueFd first_, second_;
  bool open_ = false;
};

}  // namespace holdfast::shim
