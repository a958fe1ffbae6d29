#include "shim/rpc/ttrpc_frame.h"

#include <algorithm>
#include <utility>

namespace holdfast::rpc {
namespace {

void AppendBigEndian(uint32_t value, std::string& to) {
  for (int shift = 24; shift >= 0; shift -= 8) {
    to.push_back(static_cast<char>(value >> shift));
  }
}

uint32_t ReadBigEndian(absl::string_view bytes) {
  uint32_t value = 0;
  for (size_t i = 0; i < sizeof value; ++i) {
    value = value << 8 | static_cast<uint8_t>(bytes[i]);
  }
  return value;
}

TtrpcHeader ReadHeader(absl::string_view bytes) {
  return {.length = ReadBigEndian(bytes),
          .stream = ReadBigEndian(bytes.substr(4)),
          .type = static_cast<uint8_t>(bytes[8]),
          .flags = static_cast<uint8_t>(bytes[9])};
}

}  // namespace

std::string TtrpcFrame(TtrpcType type, uint32_t stream, absl::string_view data,
                       uint8_t flags) {
  std::string frame;
  frame.reserve(kTtrpcHeaderBytes + data.size());
  AppendBigEndian(static_cast<uint32_t>(data.size()), frame);
  AppendBigEndian(stream, frame);
  frame.push_back(static_cast<char>(type));
  frame.push_back(static_cast<char>(flags));
  frame.append(data.data(), data.size());
  return frame;
}

void TtrpcFramer::Add(absl::string_view bytes) {
  const size_t skipped = std::min(skip_, bytes.size());
  skip_ -= skipped;
  bytes.remove_prefix(skipped);
  buffer_.append(bytes.data(), bytes.size());
}

std::optional<TtrpcFramer::Frame> TtrpcFramer::Next() {
  if (skipped_) return TakeSkipped();
  const absl::string_view here = absl::string_view(buffer_).substr(from_);
  if (here.size() < kTtrpcHeaderBytes) return Wait();
  const TtrpcHeader header = ReadHeader(here);
  const absl::string_view data = here.substr(kTtrpcHeaderBytes, header.length);
  if (header.length > kTtrpcMaxData) {
    skipped_ = Frame{.header = header, .data = {}, .too_long = true};
    skip_ = header.length - data.size();
  } else if (data.size() < header.length) {
    return Wait();
  }
  from_ += kTtrpcHeaderBytes + data.size();
  if (skipped_) return TakeSkipped();
  return Frame{.header = header, .data = std::string(data), .too_long = false};
}

// The frame that is too long, once all of it has passed.
std::optional<TtrpcFramer::Frame> TtrpcFramer::TakeSkipped() {
  if (skip_ > 0) return Wait();
  return std::exchange(skipped_, std::nullopt);
}

// Nothing is kept of what was given out.
std::optional<TtrpcFramer::Frame> TtrpcFramer::Wait() {
  buffer_.erase(0, std::exchange(from_, 0));
  if (buffer_.empty()) std::string().swap(buffer_);
  return std::nullopt;
}

}  // namespace holdfast::rpc
