#pragma once

#include <cstddef>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace holdfast::rpc {

// A gRPC message on its stream:
//   compressed u8, always 0 | length u32, big-endian | that many bytes
inline constexpr size_t kMessagePrefixBytes = 5;

// What stands before a message of `bytes` bytes.
std::string MessagePrefix(size_t bytes);

// Cuts one stream's bytes, which come in any pieces, into messages. It holds
// the bytes of a message that is not whole yet, and never more than came: a
// length is a claim, and costs nothing until its bytes are here.
class MessageFramer {
 public:
  explicit MessageFramer(size_t max_message_bytes)
      : max_message_bytes_(max_message_bytes) {}

  // Takes bytes off the front of `input`. True: `message` is a whole one,
  // valid until the next call and as long as `input`'s bytes are. False: all
  // of `input` was taken and more is needed.
  // ResourceExhausted: a message is beyond the limit. Unimplemented: one is
  // compressed. The framer is of no use after an error.
  absl::StatusOr<bool> Next(absl::string_view& input,
                            absl::string_view& message);

  // Part of a message is here and its rest is not.
  bool mid_message() const { return !pending_.empty() && !delivered_; }

 private:
  absl::StatusOr<size_t> MessageBytes(absl::string_view prefix) const;

  size_t max_message_bytes_;
  std::string pending_;     // prefix and bytes of the message being gathered
  bool delivered_ = false;  // `pending_` was given out and is freed next
};

}  // namespace holdfast::rpc
