// ttrpc connections as such: how they come, idle and go.
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/unix_socket.h"
#include "shim/rpc/ttrpc_messages.h"
#include "tests/fakes/temporary_directory.h"
#include "tests/shim/rpc/rpc_pair.h"
#include "tests/shim/rpc/ttrpc_peer.h"

namespace holdfast::rpc {
namespace {

using Numbers = std::vector<uint64_t>;

// A server that listens in a directory of the test's own.
class ListeningServer : public TtrpcServing {
 public:
  explicit ListeningServer(TtrpcServerOptions options = {})
      : TtrpcServing(options) {
    auto listening = ListenUnix(path(), SocketOwner{0666, {}, {}});
    EXPECT_TRUE(listening.ok()) << listening.status();
    EXPECT_TRUE(server->Listen(*std::move(listening)).ok());
  }
  std::string path() const { return directory_.path() + "/s"; }
  TtrpcPeer Dial() const {
    return TtrpcPeer(std::move(ConnectUnix(path())).value());
  }

 private:
  TemporaryDirectory directory_;
};

TEST(TtrpcConnection, ComesByTheListeningSocketAndGoesWithItsPeer) {
  ListeningServer serving;
  TtrpcPeer first = serving.Dial();
  TtrpcPeer second = serving.Dial();
  EXPECT_TRUE(serving.IsServed(first, 1));
  EXPECT_TRUE(serving.IsServed(second, 1));
  EXPECT_EQ(serving.opened, (Numbers{1, 2}));
  EXPECT_EQ(serving.server->connections(), 2);

  first.Close();

  ASSERT_TRUE(RunUntil(*serving.loop, [&] { return !serving.closed.empty(); }));
  EXPECT_EQ(serving.closed, Numbers{1});
  EXPECT_EQ(serving.server->connections(), 1);
  EXPECT_TRUE(serving.IsServed(second, 3));
}

TEST(TtrpcConnection, ListensOnce) {
  ListeningServer serving;
  TemporaryDirectory directory;
  auto listening = ListenUnix(directory.path() + "/s", SocketOwner{});

  EXPECT_EQ(serving.server->Listen(*std::move(listening)).code(),
            absl::StatusCode::kFailedPrecondition);
}

TEST(TtrpcConnection, HasStreamsOfItsOwn) {
  TtrpcServing serving;
  TtrpcPeer first = serving.Connect();
  TtrpcPeer second = serving.Connect();
  first.Request(1, "Hold", "first");
  second.Request(1, "Hold", "second");
  RunUntilQuiet(*serving.loop);
  ASSERT_EQ(serving.held.size(), 2);

  for (const TtrpcServing::Held& held : serving.held) held.reply(held.request);

  ASSERT_TRUE(serving.AwaitFrames(first, 1));
  ASSERT_TRUE(serving.AwaitFrames(second, 1));
  EXPECT_EQ(*first.Answers(1)[0], "first");
  EXPECT_EQ(*second.Answers(1)[0], "second");
}

TEST(TtrpcConnection, WaitsInTheQueueBeyondTheLimit) {
  ListeningServer serving({.max_connections = 1});
  TtrpcPeer first = serving.Dial();
  TtrpcPeer second = serving.Dial();
  ASSERT_TRUE(serving.IsServed(first, 1));
  second.Request(1, "Echo", "waiting");
  RunUntilQuiet(*serving.loop);
  second.Read();
  EXPECT_TRUE(second.frames().empty());

  first.Close();

  ASSERT_TRUE(serving.AwaitFrames(second, 1));
  EXPECT_EQ(*second.Answers(1)[0], "waiting");
}

TEST(TtrpcConnection, IdlesWithoutAWakeup) {
  TtrpcServing serving;
  TtrpcPeer peer = serving.Connect();
  ASSERT_TRUE(serving.IsServed(peer, 1));
  peer.Request(3, "Hold");
  peer.Request(5, "Echo", "", absl::Milliseconds(10));
  ASSERT_TRUE(serving.AwaitFrames(peer, 2));
  RunUntilQuiet(*serving.loop);

  const absl::Duration start = SystemClock().SinceBoot();
  serving.loop->RunOnce(absl::Milliseconds(50));  // returns early for any event

  EXPECT_GE(SystemClock().SinceBoot() - start, absl::Milliseconds(49));
}

TEST(TtrpcConnection, IsGoneWhenItsPeerVanishesMidFrame) {
  const std::string frame =
      TtrpcFrame(TtrpcType::kRequest, 1,
                 EncodeTtrpcRequest(kTtrpcService, "Echo", "",
                                    absl::InfiniteDuration(), {}));
  for (size_t cut = 0; cut < frame.size(); ++cut) {
    TtrpcServing serving;
    TtrpcPeer peer = serving.Connect();
    peer.Write(frame.substr(0, cut));

    peer.CloseWriting();

    ASSERT_TRUE(serving.AwaitClosed(peer)) << cut << " bytes";
    EXPECT_TRUE(peer.frames().empty());
    EXPECT_EQ(serving.closed, Numbers{1});
    EXPECT_EQ(serving.requests, 0);
  }
}

TEST(TtrpcConnection, IsGoneWhenItsPeerVanishesWithinAFrameTooLong) {
  TtrpcServing serving;
  TtrpcPeer peer = serving.Connect();
  peer.Write(std::string("\xff\xff\xff\xff\0\0\0\1\1\0", 10) + "some");

  peer.CloseWriting();

  ASSERT_TRUE(serving.AwaitClosed(peer));
  EXPECT_TRUE(peer.frames().empty());
}

TEST(TtrpcConnection, HandlesWhatCameBeforeItsPeerWent) {
  TtrpcServing serving;
  TtrpcPeer peer = serving.Connect();
  peer.Request(1, "Hold", "last words");

  peer.Close();

  ASSERT_TRUE(RunUntil(*serving.loop, [&] { return !serving.closed.empty(); }));
  ASSERT_EQ(serving.held.size(), 1);
  serving.held[0].reply("nobody hears it");
  EXPECT_EQ(serving.server->connections(), 0);
}

TEST(TtrpcConnection, IsClosedWhenItsPeerNeverReads) {
  TtrpcServing serving({.max_unsent_bytes = 1'000'000});
  TtrpcPeer mute = serving.Connect();
  TtrpcPeer other = serving.Connect();
  const std::string payload(100'000, 'x');
  uint32_t stream = 1;

  // Written and never read.
  ASSERT_TRUE(RunUntil(*serving.loop, [&] {
    if (mute.all_written()) {
      mute.Request(stream, "Echo", payload);
      stream += 2;
    } else {
      mute.Write("");
    }
    return !serving.closed.empty();
  }));

  EXPECT_EQ(serving.closed, Numbers{1});
  EXPECT_LT(stream, 200);  // 100 answers of 100 kB are 10 MB
  EXPECT_TRUE(serving.IsServed(other, 1));
}

TEST(TtrpcConnection, KeepsWhatASlowPeerDoesNotReadYet) {
  TtrpcServing serving;
  TtrpcPeer slow = serving.Connect();
  constexpr uint32_t kCalls = 100;
  for (uint32_t i = 0; i < kCalls; ++i) slow.Request(2 * i + 1, "Hold");
  ASSERT_TRUE(RunUntil(*serving.loop, [&] {
    slow.Write("");
    return serving.held.size() == kCalls;
  }));
  for (uint32_t i = 0; i < kCalls; ++i) {
    serving.held[i].reply(
        std::string(100'000, static_cast<char>('a' + i % 26)));
  }

  ASSERT_TRUE(serving.AwaitFrames(slow, kCalls));

  for (uint32_t i = 0; i < kCalls; ++i) {
    EXPECT_TRUE(*slow.Answers(2 * i + 1)[0] ==
                std::string(100'000, static_cast<char>('a' + i % 26)));
  }
}

// Connects as another user and group, and tells by its exit code whether the
// server closed the connection without a word.
int DialAs(uid_t uid, gid_t gid, const std::string& path) {
  if (setgid(gid) != 0 || setuid(uid) != 0) return 2;
  const auto connected = ConnectUnix(path);
  if (!connected.ok()) return 3;
  const std::string request =
      TtrpcFrame(TtrpcType::kRequest, 1,
                 EncodeTtrpcRequest(kTtrpcService, "Echo", "",
                                    absl::InfiniteDuration(), {}));
  // It may be closed already.
  (void)!send(connected->get(), request.data(), request.size(), MSG_NOSIGNAL);
  char byte;
  ssize_t got;
  do {
    got = recv(connected->get(), &byte, 1, 0);
  } while (got < 0 && errno == EAGAIN);
  return got > 0 ? 1 : 0;
}

TEST(TtrpcConnection, ServesNoOtherUserOrGroup) {
  if (geteuid() != 0) GTEST_SKIP() << "needs root, to give it up";
  ListeningServer serving;
  ASSERT_EQ(
      chmod(serving.path().substr(0, serving.path().rfind('/')).c_str(), 0755),
      0);
  const std::pair<uid_t, gid_t> strangers[] = {
      {65534, getegid()}, {geteuid(), 65534}, {65534, 65534}};
  for (const auto& [uid, gid] : strangers) {
    const pid_t child = fork();
    if (child == 0) _exit(DialAs(uid, gid, serving.path()));
    int status = 0;

    ASSERT_TRUE(RunUntil(*serving.loop, [&] {
      return waitpid(child, &status, WNOHANG) == child;
    }));

    EXPECT_TRUE(WIFEXITED(status));
    EXPECT_EQ(WEXITSTATUS(status), 0) << uid << ":" << gid;
  }
  EXPECT_EQ(serving.requests, 0);
  EXPECT_TRUE(serving.opened.empty());
  TtrpcPeer ours = serving.Dial();
  EXPECT_TRUE(serving.IsServed(ours, 1));
}

TEST(TtrpcConnection, IsNotServedWithoutPeerCredentials) {
  TtrpcServing serving;
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  ASSERT_GE(fd, 0);

  EXPECT_EQ(serving.server->Serve(UniqueFd(fd)).status().code(),
            absl::StatusCode::kPermissionDenied);
}

TEST(TtrpcServer, IsDrainedAtOnceWhenNothingWaits) {
  ListeningServer serving;
  TtrpcPeer peer = serving.Dial();
  ASSERT_TRUE(serving.IsServed(peer, 1));
  peer.Request(3, "Hold");
  RunUntilQuiet(*serving.loop);
  int drained = 0;

  serving.server->Drain([&] { ++drained; });

  EXPECT_EQ(drained, 0);  // from the loop
  ASSERT_TRUE(RunUntil(*serving.loop, [&] { return drained > 0; }));
  EXPECT_EQ(drained, 1);
  EXPECT_EQ(ConnectUnix(serving.path()).status().code(),
            absl::StatusCode::kUnavailable);
  // Who is connected is not cut off.
  EXPECT_TRUE(serving.IsServed(peer, 5));
}

TEST(TtrpcServer, IsDrainedWhenWhatItAnsweredIsSent) {
  TtrpcServing serving;
  TtrpcPeer peer = serving.Connect();
  peer.Request(1, "Hold");
  RunUntilQuiet(*serving.loop);
  ASSERT_EQ(serving.held.size(), 1);
  const std::string answer(4'000'000, 'x');  // more than a socket takes
  serving.held[0].reply(answer);
  bool drained = false;

  serving.server->Drain([&] { drained = true; });

  RunUntilQuiet(*serving.loop);
  EXPECT_FALSE(drained);
  ASSERT_TRUE(serving.AwaitFrames(peer, 1));
  ASSERT_TRUE(RunUntil(*serving.loop, [&] { return drained; }));
  EXPECT_TRUE(*peer.Answers(1)[0] == answer);
}

TEST(TtrpcServer, IsDrainedWhenNobodyIsLeftToTakeIt) {
  TtrpcServing serving;
  TtrpcPeer peer = serving.Connect();
  peer.Request(1, "Hold");
  RunUntilQuiet(*serving.loop);
  ASSERT_EQ(serving.held.size(), 1);
  serving.held[0].reply(std::string(4'000'000, 'x'));
  bool drained = false;
  serving.server->Drain([&] { drained = true; });
  RunUntilQuiet(*serving.loop);
  EXPECT_FALSE(drained);

  peer.Close();

  EXPECT_TRUE(RunUntil(*serving.loop, [&] { return drained; }));
}

TEST(TtrpcServer, ClosesItsConnectionsWithItself) {
  TtrpcServing serving;
  TtrpcPeer peer = serving.Connect();
  peer.Request(1, "Hold", "", absl::Hours(1));
  RunUntilQuiet(*serving.loop);
  ASSERT_EQ(serving.held.size(), 1);

  serving.server.reset();

  ASSERT_TRUE(serving.AwaitClosed(peer));
  serving.held[0].reply("late");
  EXPECT_TRUE(peer.frames().empty());
  EXPECT_TRUE(serving.closed.empty());
}

TEST(TtrpcServer, MayBeDestroyedByAHandler) {
  TtrpcServing serving;
  TtrpcPeer peer = serving.Connect();
  serving.server->AddMethod(
      kTtrpcService, "Destroy",
      [&](absl::string_view /*request*/, const TtrpcServer::Reply& reply) {
        serving.server.reset();
        reply("nobody hears it");
      });

  peer.Request(1, "Destroy");
  peer.Request(3, "Echo");

  ASSERT_TRUE(serving.AwaitClosed(peer));
  EXPECT_TRUE(peer.frames().empty());
}

TEST(TtrpcServer, MayBeDestroyedWhenAConnectionIsGone) {
  TtrpcServing serving;
  TtrpcPeer first = serving.Connect();
  TtrpcPeer second = serving.Connect();
  serving.server->OnConnectionClosed(
      [&](uint64_t /*number*/) { serving.server.reset(); });

  first.Close();

  EXPECT_TRUE(serving.AwaitClosed(second));
}

}  // namespace
}  // namespace holdfast::rpc
