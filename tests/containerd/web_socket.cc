#include "tests/containerd/web_socket.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "absl/time/clock.h"
#include "base/errors.h"

namespace holdfast::containerd {
namespace {

// frame  last 1 bit | 0 3 bits | opcode 4 bits | masked 1 bit | size 7 bits
//        | size u16, where that is 126, u64, where it is 127 | mask, where it
//        is masked | data; big-endian. A client masks, a server does not.
constexpr int kContinuation = 0;
constexpr int kBinary = 2;
constexpr int kClose = 8;
constexpr int kPing = 9;
constexpr int kPong = 10;
constexpr char kLast = '\x80';
constexpr char kMasked = '\x80';
constexpr absl::string_view kMask = "mask";  // any four bytes will do

std::string BigEndian(uint64_t number, int size) {
  std::string bytes;
  for (int shift = 8 * (size - 1); shift >= 0; shift -= 8)
    bytes.push_back(static_cast<char>(number >> shift));
  return bytes;
}

uint64_t FromBigEndian(absl::string_view bytes) {
  uint64_t number = 0;
  for (const char byte : bytes)
    number = number << 8 | static_cast<unsigned char>(byte);
  return number;
}

// The size's byte, without the mask's bit, and what follows for it.
std::string SizeBytes(size_t size) {
  if (size < 126) return BigEndian(size, 1);
  if (size < 65536) return "\x7e" + BigEndian(size, 2);
  return "\x7f" + BigEndian(size, 8);
}

// Of "127.0.0.1:PORT".
absl::StatusOr<UniqueFd> Dial(absl::string_view host) {
  const std::vector<std::string> parts = absl::StrSplit(host, ':');
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  int port = 0;
  if (parts.size() != 2 || !absl::SimpleAtoi(parts[1], &port) ||
      inet_pton(AF_INET, parts[0].c_str(), &address.sin_addr) != 1)
    return absl::InvalidArgumentError(absl::StrCat("dial ", host));
  address.sin_port = htons(static_cast<uint16_t>(port));
  UniqueFd fd(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (connect(fd.get(), reinterpret_cast<sockaddr*>(&address),
              sizeof(address)) != 0)
    return ErrnoStatus(errno, "connect", host);
  return fd;
}

absl::Status SendAll(int fd, absl::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent < 0) return ErrnoStatus(errno, "send", "a WebSocket");
    bytes.remove_prefix(static_cast<size_t>(sent));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::unique_ptr<WebSocket>> WebSocket::Connect(
    const std::string& url, const std::string& protocol) {
  absl::string_view rest = url;
  if (!absl::ConsumePrefix(&rest, "http://"))
    return absl::InvalidArgumentError(absl::StrCat("dial \"", url, "\""));
  const std::pair<std::string, std::string> parts =
      absl::StrSplit(rest, absl::MaxSplits('/', 1));
  absl::StatusOr<UniqueFd> fd = Dial(parts.first);
  if (!fd.ok()) return fd.status();
  std::unique_ptr<WebSocket> socket(new WebSocket(*std::move(fd)));
  absl::Status upgraded = socket->Upgrade(parts.first, parts.second, protocol);
  if (!upgraded.ok()) return upgraded;
  return socket;
}

absl::Status WebSocket::Upgrade(const std::string& host,
                                const std::string& path,
                                const std::string& protocol) {
  const absl::Status sent =
      SendAll(fd_.get(),
              absl::StrCat("GET /", path, " HTTP/1.1\r\nHost: ", host,
                           "\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n",
                           "Sec-WebSocket-Version: 13\r\n",
                           "Sec-WebSocket-Key: AAECAwQFBgcICQoLDA0ODw==\r\n",
                           "Sec-WebSocket-Protocol: ", protocol, "\r\n\r\n"));
  if (!sent.ok()) return sent;
  const absl::Time deadline = absl::Now() + absl::Seconds(20);
  size_t end;
  while ((end = received_.find("\r\n\r\n")) == std::string::npos) {
    const absl::Status more = ReadSome(deadline);
    if (!more.ok())
      return absl::FailedPreconditionError(
          absl::StrCat("upgrade: ", more.message(), ": ", received_));
  }
  const std::string answer = received_.substr(0, end + 2);
  received_.erase(0, end + 4);
  if (!absl::StartsWith(answer, "HTTP/1.1 101 ") ||
      !absl::StrContains(
          absl::AsciiStrToLower(answer),
          absl::StrCat("\r\nsec-websocket-protocol: ", protocol, "\r\n")))
    return absl::FailedPreconditionError(
        absl::StrCat("upgrade: ", answer, received_));
  return absl::OkStatus();
}

absl::Status WebSocket::Send(absl::string_view message) {
  return SendFrame(kBinary, message);
}

absl::Status WebSocket::SendFrame(int opcode, absl::string_view data) {
  std::string size = SizeBytes(data.size());
  size[0] = static_cast<char>(size[0] | kMasked);
  std::string masked(data);
  for (size_t i = 0; i < masked.size(); ++i)
    masked[i] = static_cast<char>(masked[i] ^ kMask[i % kMask.size()]);
  const std::string first(1, static_cast<char>(kLast | opcode));
  return SendAll(fd_.get(), absl::StrCat(first, size, kMask, masked));
}

absl::StatusOr<std::string> WebSocket::Receive(absl::Time deadline) {
  std::string message;
  for (;;) {
    absl::StatusOr<Frame> frame = ReceiveFrame(deadline);
    if (!frame.ok()) return frame.status();
    if (frame->opcode == kClose) return absl::OutOfRangeError("closed");
    if (frame->opcode == kPing) {
      const absl::Status sent = SendFrame(kPong, frame->data);
      if (!sent.ok()) return sent;
    }
    if (frame->opcode >= kClose) continue;
    message += frame->data;
    if (frame->last) return message;
  }
}

absl::StatusOr<WebSocket::Frame> WebSocket::ReceiveFrame(absl::Time deadline) {
  const absl::StatusOr<std::string> head = Take(2, deadline);
  if (!head.ok()) return head.status();
  Frame frame;
  frame.last = ((*head)[0] & kLast) != 0;
  frame.opcode = (*head)[0] & 0x0f;
  if (((*head)[0] & 0x70) != 0 || ((*head)[1] & kMasked) != 0)
    return absl::InternalError("no frame of a server");
  uint64_t size = static_cast<unsigned char>((*head)[1]);
  if (size >= 126) {
    const absl::StatusOr<std::string> more =
        Take(size == 126 ? 2 : 8, deadline);
    if (!more.ok()) return more.status();
    size = FromBigEndian(*more);
  }
  absl::StatusOr<std::string> data = Take(size, deadline);
  if (!data.ok()) return data.status();
  frame.data = *std::move(data);
  return frame;
}

absl::StatusOr<std::string> WebSocket::Take(size_t size, absl::Time deadline) {
  while (received_.size() < size) {
    const absl::Status more = ReadSome(deadline);
    if (!more.ok()) return more;
  }
  std::string taken = received_.substr(0, size);
  received_.erase(0, size);
  return taken;
}

absl::Status WebSocket::ReadSome(absl::Time deadline) {
  const int64_t left = absl::ToInt64Milliseconds(deadline - absl::Now());
  pollfd readable = {fd_.get(), POLLIN, 0};
  if (left < 0 || poll(&readable, 1, static_cast<int>(left) + 1) == 0)
    return absl::DeadlineExceededError("nothing more comes");
  char buffer[4096];
  const ssize_t size = read(fd_.get(), buffer, sizeof(buffer));
  if (size < 0) return ErrnoStatus(errno, "read", "a WebSocket");
  if (size == 0) return absl::OutOfRangeError("the connection was closed");
  received_.append(buffer, static_cast<size_t>(size));
  return absl::OkStatus();
}

}  // namespace holdfast::containerd
