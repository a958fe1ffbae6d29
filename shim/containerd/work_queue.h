#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <utility>

#include "base/event_loop.h"

namespace holdfast::containerd {

// Work of one container that takes a while (commands of the OCI runtime), one
// after another, in the order in which it was asked for.
class WorkQueue {
 public:
  // Called once, when the work is done.
  using Done = std::function<void()>;

  explicit WorkQueue(EventLoop& loop) : loop_(loop) {}

  void Add(std::function<void(Done)> work) {
    waiting_.push_back(std::move(work));
    if (!busy_) Next();
  }

 private:
  void Next() {
    if (waiting_.empty()) {
      busy_ = false;
      return;
    }
    busy_ = true;
    const auto work = std::move(waiting_.front());
    waiting_.pop_front();
    // From the loop: whoever is done is not to find the next one on its stack.
    work([this, alive = std::weak_ptr<bool>(alive_)] {
      if (alive.expired()) return;
      loop_.Post([this, alive] {
        if (!alive.expired()) Next();
      });
    });
  }

  EventLoop& loop_;
  bool busy_ = false;
  std::deque<std::function<void(Done)>> waiting_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace holdfast::containerd
