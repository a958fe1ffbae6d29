#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "base/event_loop.h"
#include "base/unique_fd.h"
#include "shim/rpc/ttrpc_frame.h"

namespace holdfast::rpc {

// One end of a ttrpc connection: a socket that takes frames and gives frames,
// in the loop. When the socket takes no more, what was read before is still
// given out; then the channel is lost.
class TtrpcChannel : public std::enable_shared_from_this<TtrpcChannel> {
 public:
  // Called from the loop, never from within a call to the channel; each may
  // close it.
  class Owner {
   public:
    virtual void OnFrame(TtrpcFramer::Frame frame) = 0;
    // The socket has all of what it did not take at once.
    virtual void OnSent() {}
    // Once, last.
    virtual void OnLost(const absl::Status& why) = 0;

   protected:
    ~Owner() = default;
  };

  // It is lost when more than `max_unsent_bytes` wait for a peer that does not
  // read. `owner` is called until Close().
  static absl::StatusOr<std::shared_ptr<TtrpcChannel>> Start(
      EventLoop& loop, UniqueFd connected, size_t max_unsent_bytes,
      Owner& owner);
  ~TtrpcChannel();

  void Send(absl::string_view frame);
  // At once; what was not sent is dropped.
  void Close();
  // False: lost, or about to be, or closed.
  bool connected() const { return fd_ && sending_.ok(); }
  size_t unsent_bytes() const { return outgoing_.size() - outgoing_from_; }

 private:
  TtrpcChannel(EventLoop& loop, UniqueFd connected, size_t max_unsent_bytes,
               Owner& owner);
  void OnSocket(uint32_t events);
  void Read();
  void Flush();
  void StopSending(absl::Status why);
  void Lose(const absl::Status& why);
  void UpdateWatch();

  EventLoop& loop_;
  UniqueFd fd_;
  const size_t max_unsent_bytes_;
  Owner& owner_;
  TtrpcFramer framer_;
  std::string outgoing_;
  size_t outgoing_from_ = 0;  // before it, the socket has it
  uint32_t watched_for_ = 0;
  absl::Status sending_;  // why no more is sent
};

}  // namespace holdfast::rpc
