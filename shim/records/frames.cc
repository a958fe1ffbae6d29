#include "shim/records/frames.h"

#include <endian.h>
#include <string.h>

#include "base/crc32c.h"
#include "shim/records/journal.h"

namespace holdfast {
namespace {

constexpr size_t kNumberBytes = sizeof(uint32_t);

void PutNumber(uint32_t number, char* at) {
  const uint32_t little = htole32(number);
  memcpy(at, &little, sizeof little);
}

uint32_t GetNumber(const char* at) {
  uint32_t little;
  memcpy(&little, at, sizeof little);
  return le32toh(little);
}

// Of the frame's length and body: all but where it stands itself.
uint32_t FrameCrc(absl::string_view frame) {
  return Crc32c(frame.substr(kFrameHeadBytes),
                Crc32c(frame.substr(0, kNumberBytes)));
}

}  // namespace

void AppendFrame(absl::Span<const std::string> payloads, std::string* out) {
  const size_t start = out->size();
  out->append(kFrameHeadBytes, '\0');
  for (const std::string& payload : payloads) {
    char size[kNumberBytes];
    PutNumber(static_cast<uint32_t>(payload.size()), size);
    out->append(size, sizeof size);
    out->append(payload);
  }
  char* const head = out->data() + start;
  const size_t length = out->size() - start - kFrameHeadBytes;
  PutNumber(static_cast<uint32_t>(length), head);
  PutNumber(FrameCrc(absl::string_view(head, kFrameHeadBytes + length)),
            head + kNumberBytes);
}

size_t FrameLengthAt(absl::string_view content, size_t at) {
  return GetNumber(content.data() + at);
}

bool IsGoodFrameOfLength(absl::string_view content, size_t at, size_t length) {
  const absl::string_view rest = content.substr(at);
  if (rest.size() < kFrameHeadBytes || length == 0 ||
      length > rest.size() - kFrameHeadBytes) {
    return false;
  }
  char head[kNumberBytes];
  PutNumber(static_cast<uint32_t>(length), head);
  const uint32_t crc = Crc32c(rest.substr(kFrameHeadBytes, length),
                              Crc32c(absl::string_view(head, sizeof head)));
  return crc == GetNumber(rest.data() + kNumberBytes);
}

size_t GoodFrameAt(absl::string_view content, size_t at) {
  const absl::string_view rest = content.substr(at);
  if (rest.size() < kFrameHeadBytes) return 0;
  const size_t length = GetNumber(rest.data());
  if (length == 0 || length > Journal::kMaxPayloadBytes) return 0;
  if (length > rest.size() - kFrameHeadBytes) return 0;
  const absl::string_view frame = rest.substr(0, kFrameHeadBytes + length);
  const bool good = FrameCrc(frame) == GetNumber(rest.data() + kNumberBytes);
  return good ? frame.size() : 0;
}

size_t FindGoodFrame(absl::string_view content, size_t from) {
  for (size_t at = from; at + kFrameHeadBytes <= content.size(); ++at) {
    if (GoodFrameAt(content, at) != 0) return at;
  }
  return absl::string_view::npos;
}

bool SplitFrame(absl::string_view frame, std::vector<std::string>* payloads) {
  absl::string_view body = frame.substr(kFrameHeadBytes);
  while (!body.empty()) {
    if (body.size() < kNumberBytes) return false;
    const size_t size = GetNumber(body.data());
    body.remove_prefix(kNumberBytes);
    if (size == 0 || size > body.size()) return false;
    payloads->emplace_back(body.substr(0, size));
    body.remove_prefix(size);
  }
  return true;
}

}  // namespace holdfast
