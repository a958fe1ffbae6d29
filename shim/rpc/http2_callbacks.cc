#include "shim/rpc/http2_callbacks.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace holdfast::rpc {
namespace {

// Of one block, counted as SETTINGS_MAX_HEADER_LIST_SIZE counts.
constexpr size_t kMaxHeaderBytes = size_t{16} * 1024;
constexpr size_t kHeaderOverheadBytes = 32;

// A server whose client takes no answers stops taking its requests here.
constexpr size_t kWithholdBytes = size_t{1024} * 1024;

// Below this much, what was sent is not worth moving the rest for.
constexpr size_t kCompactBytes = size_t{64} * 1024;

absl::string_view View(const uint8_t* bytes, size_t size) {
  return {reinterpret_cast<const char*>(bytes), size};
}

uint8_t* Bytes(const std::string& text) {
  return reinterpret_cast<uint8_t*>(const_cast<char*>(text.data()));
}

bool EndsStream(const nghttp2_frame& frame) {
  return (frame.hd.type == NGHTTP2_HEADERS || frame.hd.type == NGHTTP2_DATA) &&
         (frame.hd.flags & NGHTTP2_FLAG_END_STREAM) != 0;
}

}  // namespace

std::vector<nghttp2_nv> ToNghttp2(const HeaderList& headers) {
  std::vector<nghttp2_nv> list;
  list.reserve(headers.size());
  for (const auto& [name, value] : headers) {
    list.push_back({Bytes(name), Bytes(value), name.size(), value.size(),
                    NGHTTP2_NV_FLAG_NONE});
  }
  return list;
}

nghttp2_session_callbacks* Http2Session::Callbacks::Make() {
  nghttp2_session_callbacks* made = nullptr;
  if (nghttp2_session_callbacks_new(&made) != 0) return nullptr;
  nghttp2_session_callbacks_set_on_begin_headers_callback(made,
                                                          &OnBeginHeaders);
  nghttp2_session_callbacks_set_on_header_callback(made, &OnHeader);
  nghttp2_session_callbacks_set_on_frame_recv_callback(made, &OnFrame);
  nghttp2_session_callbacks_set_on_data_chunk_recv_callback(made, &OnDataChunk);
  nghttp2_session_callbacks_set_on_stream_close_callback(made, &OnStreamClose);
  nghttp2_session_callbacks_set_on_frame_send_callback(made, &OnFrameSent);
  nghttp2_session_callbacks_set_on_frame_not_send_callback(made,
                                                           &OnFrameNotSent);
  return made;
}

int Http2Session::Callbacks::OnBeginHeaders(nghttp2_session* /*session*/,
                                            const nghttp2_frame* frame,
                                            void* user_data) {
  auto& self = *static_cast<Http2Session*>(user_data);
  self.headers_.clear();
  self.header_bytes_ = 0;
  if (frame->headers.cat == NGHTTP2_HCAT_REQUEST) {
    self.streams_.try_emplace(frame->hd.stream_id);
  }
  return 0;
}

int Http2Session::Callbacks::OnHeader(nghttp2_session* /*session*/,
                                      const nghttp2_frame* /*frame*/,
                                      const uint8_t* name, size_t name_bytes,
                                      const uint8_t* value, size_t value_bytes,
                                      uint8_t /*flags*/, void* user_data) {
  auto& self = *static_cast<Http2Session*>(user_data);
  self.header_bytes_ += name_bytes + value_bytes + kHeaderOverheadBytes;
  if (self.header_bytes_ > kMaxHeaderBytes) {
    return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;  // resets the stream
  }
  self.headers_.emplace_back(View(name, name_bytes), View(value, value_bytes));
  return 0;
}

int Http2Session::Callbacks::OnFrame(nghttp2_session* /*session*/,
                                     const nghttp2_frame* frame,
                                     void* user_data) {
  auto& self = *static_cast<Http2Session*>(user_data);
  const int32_t stream = frame->hd.stream_id;
  const bool last = EndsStream(*frame);
  if (frame->hd.type == NGHTTP2_SETTINGS && !self.got_preface_) {
    self.got_preface_ = true;
    self.events_.push_back({.kind = Event::kPreface});
  }
  if (frame->hd.type == NGHTTP2_GOAWAY) self.got_goaway_ = true;
  if (frame->hd.type == NGHTTP2_HEADERS) {
    self.events_.push_back({.kind = Event::kHeaders,
                            .stream = stream,
                            .last = last,
                            .headers = std::exchange(self.headers_, {})});
  }
  if (last) {
    if (Stream* const found = self.Find(stream)) found->peer_ended = true;
    self.events_.push_back({.kind = Event::kEnd, .stream = stream});
  }
  return 0;
}

int Http2Session::Callbacks::OnDataChunk(nghttp2_session* session,
                                         uint8_t /*flags*/, int32_t stream,
                                         const uint8_t* data, size_t bytes,
                                         void* user_data) {
  auto& self = *static_cast<Http2Session*>(user_data);
  nghttp2_session_consume_connection(session, bytes);
  if (Stream* const found = self.Find(stream)) {
    found->withheld += bytes;
    self.ReturnWindow(stream, *found);
  }
  self.events_.push_back({.kind = Event::kData,
                          .stream = stream,
                          .data = std::string(View(data, bytes))});
  return 0;
}

int Http2Session::Callbacks::OnStreamClose(nghttp2_session* /*session*/,
                                           int32_t stream, uint32_t error_code,
                                           void* user_data) {
  auto& self = *static_cast<Http2Session*>(user_data);
  const auto found = self.streams_.find(stream);
  if (found == self.streams_.end()) return 0;
  if (found->second.refused) error_code = NGHTTP2_REFUSED_STREAM;
  self.streams_.erase(found);
  self.events_.push_back(
      {.kind = Event::kClosed, .stream = stream, .error_code = error_code});
  return 0;
}

int Http2Session::Callbacks::OnFrameSent(nghttp2_session* session,
                                         const nghttp2_frame* frame,
                                         void* user_data) {
  auto& self = *static_cast<Http2Session*>(user_data);
  if (frame->hd.type == NGHTTP2_GOAWAY) {
    self.sent_goaway_ = true;
    self.broken_ |= frame->goaway.error_code != NGHTTP2_NO_ERROR;
  }
  if (self.side_ == Side::kServer && EndsStream(*frame)) {
    // The whole answer was given: the client need not send the rest.
    const Stream* const found = self.Find(frame->hd.stream_id);
    if (found != nullptr && !found->peer_ended) {
      nghttp2_submit_rst_stream(session, NGHTTP2_FLAG_NONE, frame->hd.stream_id,
                                NGHTTP2_NO_ERROR);
    }
  }
  return 0;
}

int Http2Session::Callbacks::OnFrameNotSent(nghttp2_session* /*session*/,
                                            const nghttp2_frame* frame,
                                            int /*error*/, void* user_data) {
  auto& self = *static_cast<Http2Session*>(user_data);
  if (frame->hd.type == NGHTTP2_HEADERS &&
      frame->headers.cat == NGHTTP2_HCAT_REQUEST) {
    Stream* const found = self.Find(frame->hd.stream_id);
    if (found != nullptr) found->refused = true;
  }
  return 0;
}

ssize_t Http2Session::Callbacks::ReadUnsent(nghttp2_session* session,
                                            int32_t stream, uint8_t* buffer,
                                            size_t bytes, uint32_t* flags,
                                            nghttp2_data_source* /*source*/,
                                            void* user_data) {
  auto& self = *static_cast<Http2Session*>(user_data);
  Stream* const found = self.Find(stream);
  if (found == nullptr) return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
  const size_t left = found->unsent.size() - found->unsent_from;
  if (left == 0 && !found->ended) return NGHTTP2_ERR_DEFERRED;
  const size_t taken = std::min(left, bytes);
  if (taken > 0) {
    memcpy(buffer, found->unsent.data() + found->unsent_from, taken);
  }
  found->unsent_from += taken;
  if (found->unsent_from == found->unsent.size()) {
    std::string().swap(found->unsent);
    found->unsent_from = 0;
  } else if (found->unsent_from > std::max(kCompactBytes, left / 2)) {
    found->unsent.erase(0, found->unsent_from);
    found->unsent_from = 0;
  }
  self.ReturnWindow(stream, *found);
  if (taken < left || !found->ended) return static_cast<ssize_t>(taken);
  *flags |= NGHTTP2_DATA_FLAG_EOF;
  if (!found->trailers.empty()) {
    *flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM;
    const std::vector<nghttp2_nv> list = ToNghttp2(found->trailers);
    nghttp2_submit_trailer(session, stream, list.data(), list.size());
  }
  return static_cast<ssize_t>(taken);
}

// A stream's window is given back at once, but not to a client that sends and
// does not take: its answers would fill our memory.
void Http2Session::ReturnWindow(int32_t id, Stream& stream) {
  if (stream.withheld == 0) return;
  if (side_ == Side::kServer &&
      stream.unsent.size() - stream.unsent_from > kWithholdBytes) {
    return;
  }
  nghttp2_session_consume_stream(session_, id,
                                 std::exchange(stream.withheld, 0));
}

}  // namespace holdfast::rpc
