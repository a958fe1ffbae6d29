#include "tests/containerd/ttrpc_caller.h"

#include <arpa/inet.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <chrono>

#include "absl/strings/str_cat.h"
#include "api/containerd/ttrpc.pb.h"
#include "base/errors.h"

namespace holdfast::containerd {
namespace {

constexpr size_t kHeaderBytes = 10;
constexpr uint8_t kRequest = 1;

bool ReadExactly(int fd, char* bytes, size_t size) {
  while (size > 0) {
    const ssize_t got = read(fd, bytes, size);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return false;
    bytes += got;
    size -= static_cast<size_t>(got);
  }
  return true;
}

absl::StatusOr<std::string> Answer(const std::string& data) {
  ttrpc::Response response;
  if (!response.ParseFromString(data))
    return absl::InternalError("the answer is no ttrpc.Response");
  if (response.status().code() == 0) return response.payload();
  return absl::Status(static_cast<absl::StatusCode>(response.status().code()),
                      response.status().message());
}

}  // namespace

bool ReadFrame(int fd, WireFrame& frame) {
  char header[kHeaderBytes];
  if (!ReadExactly(fd, header, sizeof(header))) return false;
  uint32_t length;
  memcpy(&length, header, sizeof(length));
  memcpy(&frame.stream, header + 4, sizeof(frame.stream));
  frame.stream = ntohl(frame.stream);
  frame.type = static_cast<uint8_t>(header[8]);
  frame.data.resize(ntohl(length));
  return ReadExactly(fd, frame.data.data(), frame.data.size());
}

bool WriteFrame(int fd, const WireFrame& frame) {
  const uint32_t numbers[] = {htonl(static_cast<uint32_t>(frame.data.size())),
                              htonl(frame.stream)};
  std::string bytes(reinterpret_cast<const char*>(numbers), sizeof(numbers));
  bytes += static_cast<char>(frame.type);
  bytes += '\0';
  bytes += frame.data;
  return send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL) ==
         static_cast<ssize_t>(bytes.size());
}

absl::StatusOr<std::unique_ptr<TtrpcCaller>> TtrpcCaller::Connect(
    const std::string& path) {
  sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof(address.sun_path))
    return absl::InvalidArgumentError("too long for a socket: " + path);
  memcpy(address.sun_path, path.c_str(), path.size());
  UniqueFd fd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (connect(fd.get(), reinterpret_cast<const sockaddr*>(&address),
              sizeof(address)) != 0) {
    return ErrnoStatus(errno, "connect", path);
  }
  return std::unique_ptr<TtrpcCaller>(new TtrpcCaller(std::move(fd)));
}

TtrpcCaller::TtrpcCaller(UniqueFd fd)
    : fd_(std::move(fd)), reader_([this] { ReadAnswers(); }) {}

TtrpcCaller::~TtrpcCaller() {
  shutdown(fd_.get(), SHUT_RDWR);
  reader_.join();
}

void TtrpcCaller::ReadAnswers() {
  WireFrame frame;
  while (ReadFrame(fd_.get(), frame)) {
    const std::lock_guard lock(mutex_);
    answers_.insert_or_assign(frame.stream, Answer(frame.data));
    changed_.notify_all();
  }
  const std::lock_guard lock(mutex_);
  closed_ = true;
  changed_.notify_all();
}

uint32_t TtrpcCaller::Begin(const std::string& service,
                            const std::string& method,
                            const std::string& payload) {
  ttrpc::Request request;
  request.set_service(service);
  request.set_method(method);
  request.set_payload(payload);
  const std::lock_guard lock(mutex_);
  const uint32_t stream = next_stream_;
  next_stream_ += 2;
  // A lost connection is noticed by the reader.
  (void)WriteFrame(fd_.get(), {stream, kRequest, request.SerializeAsString()});
  return stream;
}

absl::StatusOr<std::string> TtrpcCaller::Await(uint32_t stream,
                                               absl::Duration timeout) {
  std::unique_lock lock(mutex_);
  changed_.wait_for(lock, absl::ToChronoNanoseconds(timeout),
                    [&] { return closed_ || answers_.contains(stream); });
  const auto answer = answers_.find(stream);
  if (answer != answers_.end()) return answer->second;
  if (closed_) return absl::UnavailableError("the connection is closed");
  return absl::DeadlineExceededError(
      absl::StrCat("not answered within ", absl::FormatDuration(timeout)));
}

bool TtrpcCaller::IsAnswered(uint32_t stream) {
  const std::lock_guard lock(mutex_);
  return answers_.contains(stream);
}

}  // namespace holdfast::containerd
