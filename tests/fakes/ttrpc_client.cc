#include "tests/fakes/ttrpc_client.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "base/clock.h"
#include "base/errors.h"
#include "base/unix_socket.h"

namespace holdfast {
namespace {

absl::Duration Now() { return SystemClock().SinceBoot(); }

// False: `fd` has had none of `events` by `end`.
bool WaitFor(int fd, short events, absl::Duration end) {
  for (;;) {
    const absl::Duration left = std::max(end - Now(), absl::ZeroDuration());
    pollfd polled = {.fd = fd, .events = events, .revents = 0};
    const int ready = poll(&polled, 1,
                           static_cast<int>(absl::ToInt64Milliseconds(std::min(
                               left + absl::Milliseconds(1), absl::Hours(1)))));
    if (ready > 0) return true;
    if (ready == 0 && left <= absl::ZeroDuration()) return false;
  }
}

absl::Status Closed() {
  return absl::UnavailableError("the server closed the connection");
}

}  // namespace

absl::StatusOr<BlockingTtrpcClient> BlockingTtrpcClient::Connect(
    std::string address) {
  HOLDFAST_ASSIGN_OR_RETURN(
      UniqueFd connected,
      ConnectUnix(std::string(absl::StripPrefix(address, "unix://"))));
  return BlockingTtrpcClient(std::move(connected));
}

absl::StatusOr<std::string> BlockingTtrpcClient::Call(absl::string_view service,
                                                      absl::string_view method,
                                                      absl::string_view payload,
                                                      absl::Duration timeout) {
  const absl::Duration told =
      timeout == absl::InfiniteDuration() ? absl::ZeroDuration() : timeout;
  return Await(Start(service, method, payload, timeout), told + kPatience);
}

uint32_t BlockingTtrpcClient::Start(absl::string_view service,
                                    absl::string_view method,
                                    absl::string_view payload,
                                    absl::Duration timeout) {
  const uint32_t stream = std::exchange(next_stream_, next_stream_ + 2);
  const absl::Status written = Write(rpc::TtrpcFrame(
      rpc::TtrpcType::kRequest, stream,
      rpc::EncodeTtrpcRequest(service, method, payload, timeout, metadata_)));
  if (!written.ok()) answers_.emplace(stream, written);
  return stream;
}

absl::StatusOr<std::string> BlockingTtrpcClient::Await(
    uint32_t stream, absl::Duration patience) {
  const absl::Duration end = Now() + patience;
  while (!answers_.contains(stream) && Read(end)) {
  }
  auto answer = answers_.extract(stream);
  if (!answer.empty()) return std::move(answer.mapped());
  if (closed_) return Closed();
  return absl::AbortedError(absl::StrCat("no answer on stream ", stream,
                                         " within ",
                                         absl::FormatDuration(patience)));
}

bool BlockingTtrpcClient::IsAnswered(uint32_t stream) {
  while (Read(Now())) {
  }
  return answers_.contains(stream) || closed_;
}

absl::Status BlockingTtrpcClient::Write(absl::string_view bytes) {
  const absl::Duration end = Now() + kPatience;
  while (!bytes.empty()) {
    const ssize_t sent = send(connected_.get(), bytes.data(), bytes.size(),
                              MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent >= 0) {
      bytes.remove_prefix(static_cast<size_t>(sent));
    } else if (errno == EPIPE || errno == ECONNRESET) {
      return Closed();
    } else if (errno != EAGAIN && errno != EINTR) {
      return ErrnoStatus(errno, "send", "ttrpc connection");
    } else if (!WaitFor(connected_.get(), POLLOUT, end)) {
      return absl::AbortedError("the server does not read");
    }
  }
  return absl::OkStatus();
}

bool BlockingTtrpcClient::AwaitClosed(absl::Duration patience) {
  const absl::Duration end = Now() + patience;
  while (Read(end)) {
  }
  return closed_;
}

// Takes what comes next. False: nothing by `end`, or nothing ever.
bool BlockingTtrpcClient::Read(absl::Duration end) {
  if (closed_ || !WaitFor(connected_.get(), POLLIN, end)) return false;
  char buffer[64 * 1024];
  const ssize_t got =
      recv(connected_.get(), buffer, sizeof buffer, MSG_DONTWAIT);
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return true;
  closed_ = got <= 0;
  if (closed_) return false;
  framer_.Add({buffer, static_cast<size_t>(got)});
  while (const auto frame = framer_.Next()) {
    if (frame->header.type != static_cast<uint8_t>(rpc::TtrpcType::kResponse)) {
      continue;
    }
    answers_.insert_or_assign(
        frame->header.stream,
        frame->too_long
            ? rpc::TtrpcTooLong("the response", frame->header.length)
            : rpc::DecodeTtrpcResponse(frame->data));
  }
  return true;
}

}  // namespace holdfast
