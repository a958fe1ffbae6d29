#include "tests/shim/rpc/ttrpc_peer.h"

#include <gtest/gtest.h>
#include <sys/socket.h>

#include "shim/rpc/ttrpc_messages.h"
#include "tests/shim/rpc/rpc_pair.h"

namespace holdfast::rpc {

void TtrpcPeer::Write(absl::string_view bytes) {
  unsent_.append(bytes.data(), bytes.size());
  WriteUnsent();
}

void TtrpcPeer::WriteUnsent() {
  size_t sent = 0;
  while (sent < unsent_.size()) {
    const ssize_t took =
        send(fd_.get(), unsent_.data() + sent, unsent_.size() - sent,
             MSG_NOSIGNAL | MSG_DONTWAIT);
    if (took < 0) break;
    sent += static_cast<size_t>(took);
  }
  unsent_.erase(0, sent);
}

void TtrpcPeer::Request(uint32_t stream, absl::string_view method,
                        absl::string_view payload, absl::Duration timeout) {
  Write(TtrpcFrame(
      TtrpcType::kRequest, stream,
      EncodeTtrpcRequest(kTtrpcService, method, payload, timeout, {})));
}

void TtrpcPeer::Read() {
  WriteUnsent();
  char buffer[64 * 1024];
  for (;;) {
    const ssize_t got = recv(fd_.get(), buffer, sizeof buffer, MSG_DONTWAIT);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (got <= 0) {
      closed_ = true;
      return;
    }
    framer_.Add({buffer, static_cast<size_t>(got)});
    while (auto frame = framer_.Next()) frames_.push_back(*std::move(frame));
  }
}

void TtrpcPeer::CloseWriting() { shutdown(fd_.get(), SHUT_WR); }

std::vector<absl::StatusOr<std::string>> TtrpcPeer::Answers(
    uint32_t stream) const {
  std::vector<absl::StatusOr<std::string>> answers;
  for (const TtrpcFramer::Frame& frame : frames_) {
    EXPECT_EQ(frame.header.type, 2);
    EXPECT_EQ(frame.header.flags, 0);
    if (frame.header.stream != stream) continue;
    answers.push_back(DecodeTtrpcResponse(frame.data));
  }
  return answers;
}

TtrpcServing::TtrpcServing(TtrpcServerOptions options, const Clock& clock) {
  loop = std::move(EventLoop::Create(clock)).value();
  server = std::make_unique<TtrpcServer>(*loop, options);
  server->AddMethod(
      kTtrpcService, "Echo",
      [](absl::string_view request, const TtrpcServer::Reply& reply) {
        reply(std::string(request));
      });
  server->AddMethod(
      kTtrpcService, "Fail",
      [](absl::string_view request, const TtrpcServer::Reply& reply) {
        reply(absl::NotFoundError(request));
      });
  server->AddMethod(
      kTtrpcService, "Hold",
      [this](absl::string_view request, TtrpcServer::Reply reply) {
        held.push_back({std::string(request), std::move(reply)});
      });
  server->OnConnectionOpened(
      [this](uint64_t number) { opened.push_back(number); });
  server->OnConnectionClosed(
      [this](uint64_t number) { closed.push_back(number); });
  server->OnRequest([this](uint64_t) { ++requests; });
}

TtrpcPeer TtrpcServing::Connect() {
  auto [server_end, peer_end] = ConnectedPair();
  EXPECT_TRUE(server->Serve(std::move(server_end)).ok());
  return TtrpcPeer(std::move(peer_end));
}

bool TtrpcServing::AwaitFrames(TtrpcPeer& peer, size_t frames) {
  return RunUntil(*loop, [&] {
    peer.Read();
    return peer.frames().size() >= frames || peer.closed();
  });
}

bool TtrpcServing::AwaitClosed(TtrpcPeer& peer) {
  return RunUntil(*loop, [&] {
    peer.Read();
    return peer.closed();
  });
}

bool TtrpcServing::IsServed(TtrpcPeer& peer, uint32_t stream) {
  peer.Request(stream, "Echo", "hello");
  return RunUntil(*loop,
                  [&] {
                    peer.Read();
                    return !peer.Answers(stream).empty() || peer.closed();
                  }) &&
         !peer.closed() && peer.Answers(stream).back().value_or("") == "hello";
}

}  // namespace holdfast::rpc
