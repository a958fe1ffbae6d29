#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "base/unique_fd.h"
#include "shim/rpc/header_list.h"

namespace holdfast::rpc {

// HTTP/2 written and read by hand, for what no well-made client would send.
inline constexpr absl::string_view kClientMagic =
    "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

enum FrameType : uint8_t {
  kDataFrame = 0,
  kHeadersFrame = 1,
  kRstStreamFrame = 3,
  kSettingsFrame = 4,
  kPingFrame = 6,
  kGoAwayFrame = 7,
  kWindowUpdateFrame = 8,
};
inline constexpr uint8_t kAck = 0x1;
inline constexpr uint8_t kEndStream = 0x1;
inline constexpr uint8_t kEndHeaders = 0x4;

struct RawFrame {
  uint8_t type = 0;
  uint8_t flags = 0;
  int32_t stream = 0;
  std::string payload = {};
};

std::string BigEndian(uint64_t value, int bytes);
uint32_t FromBigEndian(absl::string_view bytes);
std::string Encode(const RawFrame& frame);
// HPACK: the table's size is 0, as the peer's SETTINGS ask, and literals that
// are neither indexed nor compressed.
std::string EncodeHeaders(const HeaderList& headers);
// One block that has no need of what came before it.
HeaderList DecodeHeaders(absl::string_view block);

// The magic and an empty SETTINGS.
std::string Preface();
// HEADERS of a gRPC request, with `changed` in place of what it says.
std::string RequestFrame(int32_t stream, absl::string_view path,
                         const HeaderList& changed = {}, uint8_t flags = 0);
std::string DataFrame(int32_t stream, absl::string_view bytes,
                      uint8_t flags = 0);

// One end of a socket, read and written without waiting.
class RawPeer {
 public:
  explicit RawPeer(UniqueFd fd) : fd_(std::move(fd)) {}

  // False: the other end is gone, or takes no more for now.
  bool Write(absl::string_view bytes);
  // Reads what is there.
  void Read();

  bool closed() const { return closed_; }  // by the other end
  const std::vector<RawFrame>& frames() const { return frames_; }
  // The frames of `type` for `stream` so far.
  std::vector<RawFrame> Frames(uint8_t type, int32_t stream) const;
  // The first header of that name of all the stream's HEADERS, or "".
  std::string Header(int32_t stream, absl::string_view name) const;

 private:
  UniqueFd fd_;
  bool closed_ = false;
  std::string unparsed_;
  std::vector<RawFrame> frames_;
};

}  // namespace holdfast::rpc
