#include "shim/rpc/message_framer.h"

#include <algorithm>
#include <cstdint>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "base/errors.h"

namespace holdfast::rpc {
namespace {

// Moves bytes from the front of `input` until `pending` holds `size`.
bool FillUpTo(size_t size, std::string& pending, absl::string_view& input) {
  const size_t taken = std::min(size - pending.size(), input.size());
  pending.append(input.data(), taken);
  input.remove_prefix(taken);
  return pending.size() == size;
}

}  // namespace

std::string MessagePrefix(size_t bytes) {
  std::string prefix(kMessagePrefixBytes, '\0');
  for (size_t i = 1; i < kMessagePrefixBytes; ++i) {
    prefix[i] = static_cast<char>(bytes >> (8 * (kMessagePrefixBytes - 1 - i)));
  }
  return prefix;
}

absl::StatusOr<size_t> MessageFramer::MessageBytes(
    absl::string_view prefix) const {
  if (prefix[0] != 0) {
    return absl::UnimplementedError(
        "a message is compressed; only identity is spoken here");
  }
  size_t bytes = 0;
  for (size_t i = 1; i < kMessagePrefixBytes; ++i) {
    bytes = bytes << 8 | static_cast<uint8_t>(prefix[i]);
  }
  if (bytes > max_message_bytes_) {
    return absl::ResourceExhaustedError(absl::StrCat(
        "a message of ", bytes, " bytes; the limit is ", max_message_bytes_));
  }
  return bytes;
}

absl::StatusOr<bool> MessageFramer::Next(absl::string_view& input,
                                         absl::string_view& message) {
  if (delivered_) {
    std::string().swap(pending_);
    delivered_ = false;
  }
  // Most messages come whole, and are given out where they lie.
  if (pending_.empty() && input.size() >= kMessagePrefixBytes) {
    HOLDFAST_ASSIGN_OR_RETURN(const size_t bytes, MessageBytes(input));
    if (input.size() - kMessagePrefixBytes >= bytes) {
      message = input.substr(kMessagePrefixBytes, bytes);
      input.remove_prefix(kMessagePrefixBytes + bytes);
      return true;
    }
  }
  if (pending_.size() < kMessagePrefixBytes &&
      !FillUpTo(kMessagePrefixBytes, pending_, input)) {
    return false;
  }
  HOLDFAST_ASSIGN_OR_RETURN(const size_t bytes, MessageBytes(pending_));
  if (!FillUpTo(kMessagePrefixBytes + bytes, pending_, input)) return false;
  delivered_ = true;
  message = absl::string_view(pending_).substr(kMessagePrefixBytes);
  return true;
}

}  // namespace holdfast::rpc
