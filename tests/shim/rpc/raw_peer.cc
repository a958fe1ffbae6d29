#include "tests/shim/rpc/raw_peer.h"

#include <errno.h>
#include <nghttp2/nghttp2.h>
#include <sys/socket.h>

namespace holdfast::rpc {
namespace {

constexpr size_t kFrameHeaderBytes = 9;

// HPACK's integer with a prefix of seven bits.
std::string EncodeLength(size_t length) {
  std::string encoded;
  if (length < 127) return {static_cast<char>(length)};
  encoded.push_back(127);
  for (length -= 127; length >= 128; length >>= 7) {
    encoded.push_back(static_cast<char>(length | 128));
  }
  encoded.push_back(static_cast<char>(length));
  return encoded;
}

}  // namespace

std::string BigEndian(uint64_t value, int bytes) {
  std::string encoded;
  for (int shift = 8 * (bytes - 1); shift >= 0; shift -= 8) {
    encoded.push_back(static_cast<char>(value >> shift));
  }
  return encoded;
}

uint32_t FromBigEndian(absl::string_view bytes) {
  uint32_t value = 0;
  for (const char byte : bytes) {
    value = value << 8 | static_cast<uint8_t>(byte);
  }
  return value;
}

std::string Encode(const RawFrame& frame) {
  return BigEndian(frame.payload.size(), 3) + BigEndian(frame.type, 1) +
         BigEndian(frame.flags, 1) +
         BigEndian(static_cast<uint32_t>(frame.stream), 4) + frame.payload;
}

std::string EncodeHeaders(const HeaderList& headers) {
  std::string block = "\x20";
  for (const auto& [name, value] : headers) {
    block.push_back(0);
    block += EncodeLength(name.size()) + name;
    block += EncodeLength(value.size()) + value;
  }
  return block;
}

HeaderList DecodeHeaders(absl::string_view block) {
  HeaderList headers;
  nghttp2_hd_inflater* inflater = nullptr;
  nghttp2_hd_inflate_new(&inflater);
  for (;;) {
    nghttp2_nv header;
    int flags = 0;
    const ssize_t taken = nghttp2_hd_inflate_hd2(
        inflater, &header, &flags,
        reinterpret_cast<const uint8_t*>(block.data()), block.size(), 1);
    if (taken < 0) break;
    block.remove_prefix(static_cast<size_t>(taken));
    if ((flags & NGHTTP2_HD_INFLATE_EMIT) != 0) {
      headers.emplace_back(
          std::string(reinterpret_cast<char*>(header.name), header.namelen),
          std::string(reinterpret_cast<char*>(header.value), header.valuelen));
    }
    if ((flags & NGHTTP2_HD_INFLATE_FINAL) != 0) break;
  }
  nghttp2_hd_inflate_del(inflater);
  return headers;
}

std::string Preface() {
  return std::string(kClientMagic) + Encode({.type = kSettingsFrame});
}

std::string RequestFrame(int32_t stream, absl::string_view path,
                         const HeaderList& changed, uint8_t flags) {
  HeaderList headers = {{":method", "POST"},
                        {":scheme", "http"},
                        {":path", std::string(path)},
                        {":authority", "localhost"},
                        {"content-type", "application/grpc"},
                        {"te", "trailers"}};
  for (const auto& [name, value] : changed) {
    bool replaced = false;
    for (auto& [old_name, old_value] : headers) {
      if (old_name != name) continue;
      old_value = value;
      replaced = true;
    }
    if (!replaced) headers.emplace_back(name, value);
  }
  return Encode({.type = kHeadersFrame,
                 .flags = static_cast<uint8_t>(kEndHeaders | flags),
                 .stream = stream,
                 .payload = EncodeHeaders(headers)});
}

std::string DataFrame(int32_t stream, absl::string_view bytes, uint8_t flags) {
  return Encode({.type = kDataFrame,
                 .flags = flags,
                 .stream = stream,
                 .payload = std::string(bytes)});
}

bool RawPeer::Write(absl::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = send(fd_.get(), bytes.data(), bytes.size(),
                              MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent < 0) return false;
    bytes.remove_prefix(static_cast<size_t>(sent));
  }
  return true;
}

void RawPeer::Read() {
  char buffer[65536];
  for (;;) {
    const ssize_t got = recv(fd_.get(), buffer, sizeof buffer, MSG_DONTWAIT);
    if (got < 0 && errno == EAGAIN) break;
    if (got <= 0) {
      closed_ = true;
      break;
    }
    unparsed_.append(buffer, static_cast<size_t>(got));
  }
  while (unparsed_.size() >= kFrameHeaderBytes) {
    const absl::string_view bytes = unparsed_;
    const size_t length = FromBigEndian(bytes.substr(0, 3));
    if (bytes.size() < kFrameHeaderBytes + length) break;
    frames_.push_back(
        {.type = static_cast<uint8_t>(bytes[3]),
         .flags = static_cast<uint8_t>(bytes[4]),
         .stream = static_cast<int32_t>(FromBigEndian(bytes.substr(5, 4))),
         .payload = std::string(bytes.substr(kFrameHeaderBytes, length))});
    unparsed_.erase(0, kFrameHeaderBytes + length);
  }
}

std::vector<RawFrame> RawPeer::Frames(uint8_t type, int32_t stream) const {
  std::vector<RawFrame> found;
  for (const RawFrame& frame : frames_) {
    if (frame.type == type && frame.stream == stream) found.push_back(frame);
  }
  return found;
}

std::string RawPeer::Header(int32_t stream, absl::string_view name) const {
  for (const RawFrame& frame : Frames(kHeadersFrame, stream)) {
    const HeaderList headers = DecodeHeaders(frame.payload);
    if (const std::string* const value = FindHeader(headers, name)) {
      return *value;
    }
  }
  return "";
}

}  // namespace holdfast::rpc
