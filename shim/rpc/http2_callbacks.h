#pragma once

#include <nghttp2/nghttp2.h>

#include "shim/rpc/http2_session.h"

namespace holdfast::rpc {

// What nghttp2 calls while it reads and writes: each only notes what happened
// in the session that `user_data` is. Nothing of the owner's runs in here.
struct Http2Session::Callbacks {
  static nghttp2_session_callbacks* Make();

  static int OnBeginHeaders(nghttp2_session* session,
                            const nghttp2_frame* frame, void* user_data);
  static int OnHeader(nghttp2_session* session, const nghttp2_frame* frame,
                      const uint8_t* name, size_t name_bytes,
                      const uint8_t* value, size_t value_bytes, uint8_t flags,
                      void* user_data);
  static int OnFrame(nghttp2_session* session, const nghttp2_frame* frame,
                     void* user_data);
  static int OnDataChunk(nghttp2_session* session, uint8_t flags,
                         int32_t stream, const uint8_t* data, size_t bytes,
                         void* user_data);
  static int OnStreamClose(nghttp2_session* session, int32_t stream,
                           uint32_t error_code, void* user_data);
  static int OnFrameSent(nghttp2_session* session, const nghttp2_frame* frame,
                         void* user_data);
  static int OnFrameNotSent(nghttp2_session* session,
                            const nghttp2_frame* frame, int error,
                            void* user_data);
  // Gives nghttp2 what the stream has queued.
  static ssize_t ReadUnsent(nghttp2_session* session, int32_t stream,
                            uint8_t* buffer, size_t bytes, uint32_t* flags,
                            nghttp2_data_source* source, void* user_data);
};

// The same headers as nghttp2 takes them; it copies what they point to.
std::vector<nghttp2_nv> ToNghttp2(const HeaderList& headers);

}  // namespace holdfast::rpc
