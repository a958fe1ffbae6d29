#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "absl/strings/string_view.h"

namespace holdfast::rpc {

// containerd's ttrpc, as bytes: a header of ten, big-endian, and data.
//   length u32 (of the data) | stream u32 | type u8 | flags u8 | data
// Types: 1 request, 2 response, 3 data (of a stream); others are ignored.
// A client's streams are odd and grow; a server answers on the same one, in any
// order. Payloads: api/containerd/ttrpc.proto.
enum class TtrpcType : uint8_t { kRequest = 1, kResponse = 2, kData = 3 };

struct TtrpcHeader {
  uint32_t length = 0;
  uint32_t stream = 0;
  uint8_t type = 0;
  uint8_t flags = 0;
};

inline constexpr size_t kTtrpcHeaderBytes = 10;
inline constexpr size_t kTtrpcMaxData = 4 * 1024 * 1024;

std::string TtrpcFrame(TtrpcType type, uint32_t stream, absl::string_view data,
                       uint8_t flags = 0);

// Cuts frames out of what arrives, however it is split. What is longer than
// kTtrpcMaxData is skipped, not kept.
class TtrpcFramer {
 public:
  struct Frame {
    TtrpcHeader header;
    std::string data;
    bool too_long = false;  // then `data` is empty
  };

  void Add(absl::string_view bytes);
  // The next whole frame; none yet: std::nullopt. To be called until then.
  std::optional<Frame> Next();

 private:
  std::optional<Frame> TakeSkipped();
  std::optional<Frame> Wait();

  std::string buffer_;
  size_t from_ = 0;  // what is before it was given out
  size_t skip_ = 0;  // bytes to come of a frame that is too long
  std::optional<Frame> skipped_;
};

}  // namespace holdfast::rpc
