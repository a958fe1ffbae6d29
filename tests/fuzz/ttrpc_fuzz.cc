// Whatever bytes come in: the framer cuts them as a plain reading of them does,
// the server answers each whole frame that wants an answer once, and the client
// ends each call once.
#include <google/protobuf/stubs/logging.h>
#include <linux/sockios.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "base/clock.h"
#include "base/event_loop.h"
#include "base/unix_socket.h"
#include "shim/rpc/ttrpc_client.h"
#include "shim/rpc/ttrpc_frame.h"
#include "shim/rpc/ttrpc_server.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

namespace holdfast::rpc {
namespace {

// Protobuf would write a line for each text that is not UTF-8.
[[maybe_unused]] const auto kQuiet = google::protobuf::SetLogHandler(nullptr);

// How many answers are owed, or came, by stream.
using Answers = std::map<uint32_t, int>;

void Check(bool holds, const char* what) {
  if (holds) return;
  fprintf(stderr, "ttrpc_fuzz: %s\n", what);
  abort();
}

uint32_t BigEndian(absl::string_view bytes) {
  uint32_t value = 0;
  for (const char byte : bytes) value = value << 8 | static_cast<uint8_t>(byte);
  return value;
}

// The whole frames in `bytes`, read without any care for pieces.
std::vector<TtrpcFramer::Frame> PlainFrames(absl::string_view bytes) {
  std::vector<TtrpcFramer::Frame> frames;
  while (bytes.size() >= kTtrpcHeaderBytes) {
    TtrpcFramer::Frame frame;
    frame.header = {.length = BigEndian(bytes.substr(0, 4)),
                    .stream = BigEndian(bytes.substr(4, 4)),
                    .type = static_cast<uint8_t>(bytes[8]),
                    .flags = static_cast<uint8_t>(bytes[9])};
    bytes.remove_prefix(kTtrpcHeaderBytes);
    if (bytes.size() < frame.header.length) break;
    frame.too_long = frame.header.length > kTtrpcMaxData;
    if (!frame.too_long) frame.data.assign(bytes.data(), frame.header.length);
    bytes.remove_prefix(frame.header.length);
    frames.push_back(std::move(frame));
  }
  return frames;
}

// `bytes` in pieces of a size that depends on them alone.
std::vector<absl::string_view> Pieces(absl::string_view bytes) {
  const size_t piece = bytes.empty() ? 1
                       : bytes.size() > 100'000
                           ? 9'999
                           : 1 + static_cast<uint8_t>(bytes.back()) % 61;
  std::vector<absl::string_view> pieces;
  for (size_t at = 0; at < bytes.size(); at += piece) {
    pieces.push_back(bytes.substr(at, piece));
  }
  return pieces;
}

void CheckFramer(absl::string_view bytes) {
  const std::vector<TtrpcFramer::Frame> expected = PlainFrames(bytes);
  TtrpcFramer framer;
  size_t found = 0;
  for (const absl::string_view piece : Pieces(bytes)) {
    framer.Add(piece);
    while (const auto frame = framer.Next()) {
      Check(found < expected.size(), "the framer found a frame too many");
      const TtrpcFramer::Frame& plain = expected[found++];
      Check(frame->header.length == plain.header.length &&
                frame->header.stream == plain.header.stream &&
                frame->header.type == plain.header.type &&
                frame->header.flags == plain.header.flags &&
                frame->too_long == plain.too_long && frame->data == plain.data,
            "the framer found another frame");
    }
  }
  Check(found == expected.size(), "the framer found a frame too few");
}

// The other end of what is tried, in one loop with it.
class Peer {
 public:
  explicit Peer(EventLoop& loop) : loop_(loop) {
    auto ends = UnixPair();
    Check(ends.ok(), "no socket pair");
    ours_ = std::move(ends->first);
    theirs_ = std::move(ends->second);
  }
  UniqueFd TakeOther() { return std::move(theirs_); }

  // Returns when all of it was read, and the loop has nothing to do.
  void Write(absl::string_view bytes) {
    for (absl::string_view piece : Pieces(bytes)) {
      while (!piece.empty() && !closed_) {
        const ssize_t sent = send(ours_.get(), piece.data(), piece.size(),
                                  MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent > 0) piece.remove_prefix(static_cast<size_t>(sent));
        Turn();
      }
    }
    int unread = 1;
    while (!closed_ && unread > 0) {
      Turn();
      Check(ioctl(ours_.get(), SIOCOUTQ, &unread) == 0, "no SIOCOUTQ");
    }
    Turn();
  }

  // Writes no more; returns when the other end is closed.
  void Finish() {
    shutdown(ours_.get(), SHUT_WR);
    while (!closed_) Turn();
  }
  void Turn() {
    loop_.RunOnce(absl::ZeroDuration());
    Read();
  }
  // The frames that came.
  const Answers& answers() const { return answers_; }
  bool only_responses() const { return only_responses_; }

 private:
  void Read() {
    char buffer[16 * 1024];
    ssize_t got;
    while ((got = recv(ours_.get(), buffer, sizeof buffer, MSG_DONTWAIT)) > 0) {
      framer_.Add({buffer, static_cast<size_t>(got)});
      while (const auto frame = framer_.Next()) {
        only_responses_ &= frame->header.type == 2 &&
                           frame->header.flags == 0 && !frame->too_long;
        ++answers_[frame->header.stream];
      }
    }
    if (got == 0) closed_ = true;
  }

  EventLoop& loop_;
  UniqueFd ours_;
  UniqueFd theirs_;
  bool closed_ = false;
  TtrpcFramer framer_;
  Answers answers_;
  bool only_responses_ = true;
};

void CheckServer(EventLoop& loop, absl::string_view bytes) {
  Answers expected;
  for (const TtrpcFramer::Frame& frame : PlainFrames(bytes)) {
    if (frame.header.type == 1 || frame.header.type == 3) {
      ++expected[frame.header.stream];
    }
  }
  TtrpcServer server(loop);
  std::vector<TtrpcServer::Reply> held;
  for (const char* const method : {"Connect", "Pids", "Shutdown"}) {
    server.AddMethod(
        "containerd.task.v2.Task", method,
        [](absl::string_view request, const TtrpcServer::Reply& reply) {
          reply(std::string(request));
          reply(absl::InternalError("twice"));
        });
  }
  server.AddMethod(
      "containerd.task.v2.Task", "Kill",
      [&](absl::string_view /*request*/, TtrpcServer::Reply reply) {
        held.push_back(std::move(reply));
      });
  Peer peer(loop);
  Check(server.Serve(peer.TakeOther()).ok(), "the pair was not served");

  peer.Write(bytes);
  for (const TtrpcServer::Reply& reply : held) {
    reply(absl::NotFoundError("at last"));
  }
  for (int i = 0; i < 1000 && peer.answers() != expected; ++i) peer.Turn();
  Check(server.connections() == 1, "the server closed the connection");
  peer.Finish();

  Check(peer.answers() == expected, "not each frame was answered once");
  Check(peer.only_responses(), "the server sent what is no response");
  Check(server.connections() == 0, "the server kept the connection");
}

void CheckClient(EventLoop& loop, absl::string_view bytes) {
  constexpr int kCalls = 4;
  Peer peer(loop);
  int ended[kCalls] = {};
  TtrpcClient client(loop, peer.TakeOther());
  for (int& times : ended) {
    client.Call(
        "s", "m", "", absl::InfiniteDuration(), {},
        [&times](const absl::StatusOr<std::string>& /*result*/) { ++times; });
  }

  peer.Write(bytes);
  peer.Finish();

  for (const int times : ended) {
    Check(times == 1, "a call did not end once");
  }
}

}  // namespace
}  // namespace holdfast::rpc

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using holdfast::EventLoop;
  // Time stands still, so that no deadline passes while bytes are on their way.
  class StoppedClock : public holdfast::Clock {
    absl::Time Now() const override { return absl::UnixEpoch(); }
    absl::Duration SinceBoot() const override { return absl::Hours(1); }
  };
  static const StoppedClock clock;
  static const std::unique_ptr<EventLoop> loop =
      std::move(EventLoop::Create(clock)).value();
  const absl::string_view bytes(reinterpret_cast<const char*>(data), size);
  holdfast::rpc::CheckFramer(bytes);
  holdfast::rpc::CheckServer(*loop, bytes);
  holdfast::rpc::CheckClient(*loop, bytes);
  return 0;
}
