#pragma once

#include <string>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "base/unique_fd.h"

namespace holdfast {

// What every HTTP/2 connection begins with, and an empty SETTINGS frame.
inline constexpr absl::string_view kHttp2Preface(
    "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0", 24 + 9);

// A client that sends whatever it likes.
class RawSocket {
 public:
  explicit RawSocket(const std::string& path);

  // True: the peer takes all of it. It may close at once: no failure.
  bool Send(absl::string_view bytes);
  // Until the peer has closed. False: it has not within `timeout`.
  bool WaitForClose(absl::Duration timeout);
  int ReleaseNonBlocking();

 private:
  UniqueFd socket_;
};

}  // namespace holdfast
