#pragma once

#include <cstdint>
#include <functional>
#include <memory>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "base/event_loop.h"
#include "shim/rpc/grpc_client.h"
#include "shim/rpc/header_list.h"
#include "shim/rpc/http2_session.h"
#include "shim/rpc/message_framer.h"

namespace holdfast::rpc {

// The headers that open a call.
HeaderList RequestHeaders(absl::string_view path, absl::Duration timeout);

// One call between its stream and its client's callbacks. Each callback may
// cancel this call or destroy the client, so whoever calls in here holds the
// call.
class StreamClientCall final
    : public ClientCall,
      public std::enable_shared_from_this<StreamClientCall> {
 public:
  // `session` may be null: the call can only fail. `over` is called once,
  // before on_done: the call is to be forgotten.
  StreamClientCall(EventLoop& loop, std::shared_ptr<Http2Session> session,
                   int32_t stream, ClientCallEvents events,
                   std::function<void()> over);
  ~StreamClientCall() override;

  // Infinite: none.
  void SetDeadline(absl::Duration timeout);
  // Ends the call with `status`; the stream is reset unless it has ended.
  void Complete(const absl::Status& status);
  // Ends the call and tells nobody: the client is being destroyed.
  void Abandon();

  void TakeHeaders(const HeaderList& headers, bool last);
  void TakeData(absl::string_view bytes);
  void TakeEnd();
  void TakeReset(uint32_t error_code);

  void Send(absl::string_view message) override;
  void HalfClose() override;
  void Cancel() override;

 private:
  bool EndOnce();

  EventLoop& loop_;
  std::shared_ptr<Http2Session> session_;
  const int32_t stream_;
  MessageFramer framer_;
  ClientCallEvents events_;
  std::function<void()> over_;
  EventLoop::TimerId deadline_ = 0;
  bool is_over_ = false;
};

}  // namespace holdfast::rpc
