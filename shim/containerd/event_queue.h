#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "base/event_loop.h"
#include "shim/rpc/ttrpc_client.h"

namespace holdfast::containerd {

// What containerd is to hear of the tasks of one shim, in order: each event is
// sent again until the daemon took it, however long that is away. Its OK means
// that it is in its memory, no more; so how a process ended, and that memory
// ran out, is kept until the task is deleted, and sent again when a daemon
// comes back (a subscriber may hear of those more than once).
//
// A daemon that does not answer is tried again for about 15 s, as the stock
// shims do, and from then on only when it has dialled us: an idle shim whose
// daemon is gone does not wake up.
class EventQueue {
 public:
  // `address`: containerd's socket for events (TTRPC_ADDRESS); empty: nobody
  // wants to hear.
  EventQueue(EventLoop& loop, std::string address, std::string name_space);
  ~EventQueue();

  struct Event {
    std::string container_id;
    std::string process_id;  // of what ended; kept events alone
    std::string topic;       // "/tasks/exit"
    std::string type;        // "containerd.events.TaskExit"
    std::string bytes;
    absl::Time at;
    bool kept = false;  // until Forget
  };
  void Publish(Event event);
  // The process, or the whole container, is deleted: what was sent of it need
  // not be sent again.
  void Forget(absl::string_view container_id, absl::string_view process_id);
  void ForgetAll(absl::string_view container_id);
  // A daemon has dialled us, after there was none.
  void DaemonIsBack();
  // It has asked for something: what waits for the next try is tried now.
  void DaemonIsThere();

  size_t waiting() const { return waiting_.size(); }
  // Calls `done` when nothing waits, or `timeout` has passed.
  void Flush(absl::Duration timeout, std::function<void()> done);

 private:
  template <typename Predicate>
  void ForgetIf(Predicate predicate);
  std::deque<Event>::iterator FirstUnsent();
  void DropFormer(const Event& event);
  void SendNext();
  void OnAnswer(const absl::Status& status);
  void TryLater();
  void SendKeptAgain();
  void CheckFlushed();

  EventLoop& loop_;
  const std::string address_;
  const std::string name_space_;
  std::unique_ptr<rpc::TtrpcClient> client_;
  std::deque<Event> waiting_;
  std::deque<Event> kept_;  // sent, and of tasks that are not deleted
  bool sending_ = false;
  int failures_ = 0;  // in a row
  EventLoop::TimerId retry_timer_ = 0;
  EventLoop::TimerId again_timer_ = 0;
  EventLoop::TimerId flush_timer_ = 0;
  std::function<void()> flushed_;
};

}  // namespace holdfast::containerd
