#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "base/event_loop.h"
#include "base/unique_fd.h"
#include "shim/rpc/header_list.h"

struct nghttp2_session;

namespace holdfast::rpc {

// RFC 9113's error codes, as far as we send them.
enum class Http2Error : uint32_t {
  kNone = 0,
  kCancel = 8,
  kEnhanceYourCalm = 11,
};

// One HTTP/2 connection, of either side, on a stream socket in the loop:
// libnghttp2 for the protocol, and the reading, writing and queueing around
// it. Small when idle: no header compression state (ours is held empty, and a
// server asks its client to do so too), no buffer that is not in use, no timer,
// no wake-up.
class Http2Session : public std::enable_shared_from_this<Http2Session> {
 public:
  enum class Side { kServer, kClient };

  // Who runs a session. Called from the loop, one call after the other and
  // never from within a call to the session; the owner may call the session,
  // Close() too, in each of them. Streams that it has given up may still be
  // heard of.
  class Owner {
   public:
    virtual ~Owner() = default;
    virtual void OnPreface() {}  // the peer is one that speaks HTTP/2
    // `last`: no data and no trailers follow; OnEnd() is next.
    virtual void OnHeaders(int32_t stream, const HeaderList& headers,
                           bool last) = 0;
    virtual void OnData(int32_t stream, absl::string_view bytes) = 0;
    virtual void OnEnd(int32_t stream) = 0;  // the peer sends no more on it
    virtual void OnStreamClosed(int32_t stream, uint32_t error_code) = 0;
    // The connection is gone and the session closed; nothing is called after.
    virtual void OnLost(const absl::Status& why) = 0;
  };

  // `owner` outlives the session or calls Close(). `max_streams`: how many the
  // peer may have open at a time. What is sent goes out from the loop.
  static absl::StatusOr<std::shared_ptr<Http2Session>> Start(
      EventLoop& loop, UniqueFd connected, Side side, uint32_t max_streams,
      Owner& owner);
  ~Http2Session();
  Http2Session(const Http2Session&) = delete;
  Http2Session& operator=(const Http2Session&) = delete;

  // Closes the socket at once and calls nothing more. May be repeated; calls
  // that come later do nothing.
  void Close();

  // Client: opens a stream. Unavailable: no stream can be opened any more.
  absl::StatusOr<int32_t> Request(const HeaderList& headers);
  // Server: the response's headers; with `last` they are all of it.
  void Respond(int32_t stream, const HeaderList& headers, bool last);
  // Queues bytes after the headers. Nothing happens when the stream is gone;
  // so it is with all that follow.
  void Send(int32_t stream, absl::string_view bytes);
  // Ends our side after what is queued, with trailers unless they are empty.
  void End(int32_t stream, HeaderList trailers);
  // Ends the stream at once; what is queued is dropped.
  void Reset(int32_t stream, Http2Error error);
  // Lets open streams end, refuses what is new, and is lost then.
  void GoAway();

  // Bytes of the stream that flow control holds back here.
  size_t queued_bytes(int32_t stream) const;
  // With those of the whole connection that the socket has not taken yet.
  size_t unsent_bytes(int32_t stream) const;

 private:
  struct Callbacks;  // what nghttp2 calls

  struct Stream {
    std::string unsent;
    size_t unsent_from = 0;  // before it, `unsent` was given to nghttp2
    HeaderList trailers;
    bool ended = false;       // End() was called
    bool peer_ended = false;  // END_STREAM came
    bool refused = false;     // its request was never sent
    size_t withheld = 0;      // bytes received that no window was given for
  };

  // What nghttp2 told us, kept until its call has returned.
  struct Event {
    enum Kind { kPreface, kHeaders, kData, kEnd, kClosed } kind;
    int32_t stream = 0;
    uint32_t error_code = 0;
    bool last = false;
    HeaderList headers = {};
    std::string data = {};
  };

  Http2Session(EventLoop& loop, UniqueFd fd, Side side, Owner& owner);
  absl::Status Init(uint32_t max_streams);
  absl::Status SubmitSettings(uint32_t max_streams);
  bool closed() const { return session_ == nullptr; }
  Stream* Find(int32_t stream);
  void Lose(absl::Status why);
  void Schedule();
  void OnSocket(uint32_t events);
  void Pump();
  void Read();
  void Flush();
  void SendFailed(int error_number);
  bool TakeFrame();
  void Dispatch();
  void Deliver(const Event& event);
  bool Finished() const;
  void UpdateWatch();
  void ReturnWindow(int32_t id, Stream& stream);

  EventLoop& loop_;
  UniqueFd fd_;
  const Side side_;
  Owner& owner_;
  nghttp2_session* session_ = nullptr;
  absl::flat_hash_map<int32_t, Stream> streams_;
  std::vector<Event> events_;
  HeaderList headers_;  // of the block that is being received
  size_t header_bytes_ = 0;
  std::string outgoing_;  // taken from nghttp2, not yet by the socket
  size_t outgoing_from_ = 0;
  uint32_t watched_for_ = 0;
  absl::Status unsendable_;   // why, when only reading is left
  absl::Status lost_;         // why, when nothing is
  bool blocked_ = false;      // the socket took less than it was given
  bool scheduled_ = false;    // a Pump() is posted
  bool pumping_ = false;      // and one is on the stack
  bool got_preface_ = false;  // the peer's first SETTINGS
  bool got_goaway_ = false;
  bool sent_goaway_ = false;
  bool broken_ = false;  // we told the peer of its error and hear no more
};

}  // namespace holdfast::rpc
