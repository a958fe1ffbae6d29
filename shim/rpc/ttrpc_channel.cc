#include "shim/rpc/ttrpc_channel.h"

#include <errno.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <utility>

#include "absl/strings/str_cat.h"
#include "base/errors.h"
#include "base/failpoint.h"

namespace holdfast::rpc {
namespace {

constexpr size_t kReadBytes = size_t{16} * 1024;

absl::Status Broken(int error_number, absl::string_view call) {
  return absl::UnavailableError(
      ErrnoStatus(error_number, call, "ttrpc connection").message());
}

}  // namespace

absl::StatusOr<std::shared_ptr<TtrpcChannel>> TtrpcChannel::Start(
    EventLoop& loop, UniqueFd connected, size_t max_unsent_bytes,
    Owner& owner) {
  std::shared_ptr<TtrpcChannel> channel(
      new TtrpcChannel(loop, std::move(connected), max_unsent_bytes, owner));
  HOLDFAST_RETURN_IF_ERROR(loop.Watch(
      channel->fd_.get(), EPOLLIN,
      [raw = channel.get()](uint32_t events) { raw->OnSocket(events); }));
  channel->watched_for_ = EPOLLIN;
  return channel;
}

TtrpcChannel::TtrpcChannel(EventLoop& loop, UniqueFd connected,
                           size_t max_unsent_bytes, Owner& owner)
    : loop_(loop),
      fd_(std::move(connected)),
      max_unsent_bytes_(max_unsent_bytes),
      owner_(owner) {}

TtrpcChannel::~TtrpcChannel() { Close(); }

void TtrpcChannel::Close() {
  if (!fd_) return;
  loop_.Unwatch(fd_.get());
  fd_.Reset();
  std::string().swap(outgoing_);
  outgoing_from_ = 0;
}

void TtrpcChannel::Send(absl::string_view frame) {
  if (!connected()) return;
  if (outgoing_from_ > outgoing_.size() / 2) {
    outgoing_.erase(0, std::exchange(outgoing_from_, 0));
  }
  outgoing_.append(frame.data(), frame.size());
  Flush();
  if (unsent_bytes() > max_unsent_bytes_) {
    StopSending(absl::ResourceExhaustedError(absl::StrCat(
        "the peer does not read: ", unsent_bytes(), " bytes wait for it")));
  }
}

void TtrpcChannel::OnSocket(uint32_t events) {
  const std::shared_ptr<TtrpcChannel> self = shared_from_this();
  if ((events & EPOLLOUT) != 0) {
    Flush();
    if (outgoing_.empty()) owner_.OnSent();
  }
  if (fd_ && (events & ~uint32_t{EPOLLOUT}) != 0) Read();
}

void TtrpcChannel::Read() {
  char buffer[kReadBytes];
  const ssize_t got = recv(fd_.get(), buffer, sizeof buffer, MSG_DONTWAIT);
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (got < 0) return Lose(Broken(errno, "recv"));
  if (got == 0) {
    return Lose(sending_.ok() ? absl::UnavailableError("closed by the peer")
                              : sending_);
  }
  framer_.Add({buffer, static_cast<size_t>(got)});
  while (fd_) {
    std::optional<TtrpcFramer::Frame> frame = framer_.Next();
    if (!frame) return;
    owner_.OnFrame(*std::move(frame));
  }
}

void TtrpcChannel::Flush() {
  while (unsent_bytes() > 0) {
    HOLDFAST_FAILPOINT(MessageSending);
    const ssize_t sent = send(fd_.get(), outgoing_.data() + outgoing_from_,
                              unsent_bytes(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent < 0 && errno == EINTR) continue;
    if (sent < 0 && errno == EAGAIN) return UpdateWatch();
    if (sent < 0) return StopSending(Broken(errno, "send"));
    HOLDFAST_FAILPOINT(MessageSent);
    outgoing_from_ += static_cast<size_t>(sent);
  }
  std::string().swap(outgoing_);
  outgoing_from_ = 0;
  UpdateWatch();
}

// The socket's end comes after what is there to be read, through the loop.
void TtrpcChannel::StopSending(absl::Status why) {
  sending_ = std::move(why);
  std::string().swap(outgoing_);
  outgoing_from_ = 0;
  UpdateWatch();
  shutdown(fd_.get(), SHUT_RDWR);  // fails when the peer is gone: an end, too
}

void TtrpcChannel::Lose(const absl::Status& why) {
  Close();
  owner_.OnLost(why);
}

void TtrpcChannel::UpdateWatch() {
  const uint32_t wanted =
      EPOLLIN | (unsent_bytes() > 0 ? uint32_t{EPOLLOUT} : 0);
  if (wanted == watched_for_) return;
  watched_for_ = wanted;
  // Only a descriptor that is not ours could fail here.
  (void)loop_.Rewatch(fd_.get(), wanted);
}

}  // namespace holdfast::rpc
