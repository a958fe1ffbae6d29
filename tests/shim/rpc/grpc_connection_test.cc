// Connections as such: how they come, idle and go.
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "tests/shim/rpc/raw_peer.h"
#include "tests/shim/rpc/rpc_pair.h"

namespace holdfast::rpc {
namespace {

constexpr absl::Duration kForever = absl::InfiniteDuration();

// A listening socket without a name in any directory.
class AbstractSocket {
 public:
  AbstractSocket() {
    static int made = 0;
    const std::string name =
        absl::StrCat("holdfast-test-", getpid(), "-", ++made);
    address_.sun_family = AF_UNIX;
    std::copy(name.begin(), name.end(), address_.sun_path + 1);
    size_ = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 +
                                   name.size());
  }
  UniqueFd Listen() const {
    UniqueFd fd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    EXPECT_EQ(bind(fd.get(), Address(), size_), 0);
    EXPECT_EQ(listen(fd.get(), 16), 0);
    return fd;
  }
  UniqueFd Connect() const {
    UniqueFd fd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    EXPECT_EQ(connect(fd.get(), Address(), size_), 0);
    return fd;
  }

 private:
  const sockaddr* Address() const {
    return reinterpret_cast<const sockaddr*>(&address_);
  }
  sockaddr_un address_ = {};
  socklen_t size_ = 0;
};

// How many of this process's timers are set, by what the kernel says of them.
int ArmedTimers() {
  int armed = 0;
  for (const auto& entry :
       std::filesystem::directory_iterator("/proc/self/fdinfo")) {
    std::ifstream file(entry.path());
    const std::string info((std::istreambuf_iterator<char>(file)), {});
    if (absl::StrContains(info, "it_value:") &&
        !absl::StrContains(info, "it_value: (0, 0)")) {
      ++armed;
    }
  }
  return armed;
}

bool RunUntilClosed(RpcPair& rpc, RawPeer& peer) {
  return rpc.RunUntil([&] {
    peer.Read();
    return peer.closed();
  });
}

TEST(GrpcConnection, IdlesWithoutATimerAndWithoutAWakeup) {
  RpcPair rpc;
  CallLog log;
  EXPECT_EQ(ArmedTimers(), 1);  // for the preface

  ASSERT_TRUE(rpc.Unary("/test.T/Unary", "x").ok());
  rpc.client->Start("/test.T/Hang", kForever, LogTo(log));
  ASSERT_TRUE(rpc.RunUntil([&] { return rpc.log.made > 0; }));
  RunUntilQuiet(*rpc.loop);

  EXPECT_EQ(ArmedTimers(), 0);
  const absl::Duration start = SystemClock().SinceBoot();
  rpc.loop->RunOnce(absl::Milliseconds(50));  // returns early for any event
  EXPECT_GE(SystemClock().SinceBoot() - start, absl::Milliseconds(49));
}

TEST(GrpcConnection, ClosesOneThatSendsNoWholePreface) {
  const std::string preface = Preface();
  for (const size_t sent : {size_t{0}, size_t{10}, preface.size() - 1}) {
    RpcPair rpc({.preface_timeout = absl::Milliseconds(20)});
    ASSERT_TRUE(rpc.Unary("/test.T/Unary", "x").ok());
    auto [server_end, peer_end] = ConnectedPair();
    const auto number = rpc.server->Serve(std::move(server_end));
    RawPeer peer(std::move(peer_end));

    peer.Write(preface.substr(0, sent));

    ASSERT_TRUE(RunUntilClosed(rpc, peer)) << sent << " bytes";
    EXPECT_EQ(rpc.closed, std::vector<uint64_t>{*number});
    EXPECT_TRUE(rpc.Unary("/test.T/Unary", "x").ok());
  }
}

TEST(GrpcConnection, ClosesOneThatSpeaksSomethingElse) {
  RpcPair rpc;
  auto [server_end, peer_end] = ConnectedPair();
  ASSERT_TRUE(rpc.server->Serve(std::move(server_end)).ok());
  RawPeer peer(std::move(peer_end));

  peer.Write("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");

  ASSERT_TRUE(RunUntilClosed(rpc, peer));
  EXPECT_TRUE(rpc.Unary("/test.T/Unary", "x").ok());
}

TEST(GrpcConnection, AClientGivesUpOnAServerThatSpeaksSomethingElse) {
  RpcPair rpc;
  auto [server_end, client_end] = ConnectedPair();
  bool lost = false;
  CallLog log;
  GrpcClient client(*rpc.loop, std::move(client_end),
                    [&](const absl::Status&) { lost = true; });
  client.Start("/test.T/Echo", kForever, LogTo(log));
  RawPeer peer(std::move(server_end));

  peer.Write("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n");

  ASSERT_TRUE(rpc.RunUntil([&] { return lost; }));
  EXPECT_EQ(log.status.code(), absl::StatusCode::kUnavailable);
}

TEST(GrpcConnection, AcceptsAndServesManyClients) {
  RpcPair rpc;
  const AbstractSocket socket;
  ASSERT_TRUE(rpc.server->Listen(socket.Listen()).ok());
  EXPECT_EQ(rpc.server->Listen(AbstractSocket().Listen()).code(),
            absl::StatusCode::kFailedPrecondition);

  std::vector<std::unique_ptr<GrpcClient>> clients;
  int answers = 0;
  for (int i = 0; i < 10; ++i) {
    clients.push_back(std::make_unique<GrpcClient>(*rpc.loop, socket.Connect(),
                                                   [](const absl::Status&) {}));
    clients.back()->Unary(
        "/test.T/Unary", "x", kForever,
        [&](const absl::StatusOr<std::string>& got) { answers += got.ok(); });
  }

  EXPECT_TRUE(rpc.RunUntil([&] { return answers == 10; }));
}

TEST(GrpcConnection, LetsTheOnesThatAreTooManyWait) {
  RpcPair rpc({.max_connections = 3});  // one of them is the pair's own
  const AbstractSocket socket;
  ASSERT_TRUE(rpc.server->Listen(socket.Listen()).ok());
  std::vector<std::unique_ptr<GrpcClient>> clients;
  int answers = 0;
  for (int i = 0; i < 5; ++i) {
    clients.push_back(std::make_unique<GrpcClient>(*rpc.loop, socket.Connect(),
                                                   [](const absl::Status&) {}));
    clients.back()->Unary(
        "/test.T/Unary", "x", kForever,
        [&](const absl::StatusOr<std::string>& got) { answers += got.ok(); });
  }

  ASSERT_TRUE(rpc.RunUntil([&] { return answers == 2; }));
  RunUntilQuiet(*rpc.loop);
  EXPECT_EQ(answers, 2);
  const absl::Duration start = SystemClock().SinceBoot();
  rpc.loop->RunOnce(absl::Milliseconds(50));  // nothing spins
  EXPECT_GE(SystemClock().SinceBoot() - start, absl::Milliseconds(49));

  clients[0].reset();
  EXPECT_TRUE(rpc.RunUntil([&] { return answers == 3; }));
  clients[1].reset();
  clients[2].reset();
  EXPECT_TRUE(rpc.RunUntil([&] { return answers == 5; }));
}

// Lets this process open no more descriptors, while it lives.
class NoMoreDescriptors {
 public:
  NoMoreDescriptors() {
    getrlimit(RLIMIT_NOFILE, &before_);
    const UniqueFd next(dup(0));
    rlimit none = before_;
    none.rlim_cur = static_cast<rlim_t>(next.get());
    setrlimit(RLIMIT_NOFILE, &none);
  }
  ~NoMoreDescriptors() { setrlimit(RLIMIT_NOFILE, &before_); }

 private:
  rlimit before_;
};

TEST(GrpcConnection, RestsWhenThereAreNoDescriptorsAndComesBack) {
#ifdef __SANITIZE_ADDRESS__
  GTEST_SKIP() << "UBSan looks at an object through a pipe, and without "
                  "descriptors takes each for a bad one";
#endif
  RpcPair rpc;
  const AbstractSocket socket;
  ASSERT_TRUE(rpc.server->Listen(socket.Listen()).ok());
  RunUntilQuiet(*rpc.loop);
  int answers = 0;
  GrpcClient client(*rpc.loop, socket.Connect(), [](const absl::Status&) {});
  client.Unary(
      "/test.T/Unary", "x", kForever,
      [&](const absl::StatusOr<std::string>& got) { answers += got.ok(); });
  {
    const NoMoreDescriptors none;
    RunUntilQuiet(*rpc.loop);
    const absl::Duration start = SystemClock().SinceBoot();
    rpc.loop->RunOnce(absl::Milliseconds(50));  // it does not spin
    EXPECT_GE(SystemClock().SinceBoot() - start, absl::Milliseconds(49));
    EXPECT_TRUE(rpc.Unary("/test.T/Unary", "x").ok());
  }

  EXPECT_TRUE(rpc.RunUntil([&] { return answers == 1; }));
}

TEST(GrpcConnection, StopsListeningWhenItDrains) {
  RpcPair rpc;
  const AbstractSocket socket;
  ASSERT_TRUE(rpc.server->Listen(socket.Listen()).ok());
  bool drained = false;

  rpc.server->Drain([&] { drained = true; });

  ASSERT_TRUE(rpc.RunUntil([&] { return drained && rpc.lost > 0; }));
  EXPECT_EQ(rpc.closed.size(), 1);
  auto [server_end, client_end] = ConnectedPair();
  EXPECT_EQ(rpc.server->Serve(std::move(server_end)).status().code(),
            absl::StatusCode::kFailedPrecondition);
  const AbstractSocket same = socket;
  EXPECT_TRUE(same.Listen());  // its name is free
}

// Serves `listening` in this process until it is killed.
[[noreturn]] void ServeForEver(UniqueFd connected) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  const auto loop = std::move(EventLoop::Create()).value();
  ServiceLog log;
  GrpcServer server(*loop);
  AddTestService(server, log);
  if (!server.Serve(std::move(connected)).ok()) _exit(1);
  loop->Run();
  _exit(0);
}

TEST(GrpcConnection, DeadlinesPassThoughTheServersProcessIsStopped) {
  RpcPair rpc;
  auto [server_end, client_end] = ConnectedPair();
  const pid_t pid = fork();
  if (pid == 0) ServeForEver(std::move(server_end));
  server_end.Reset();
  rpc.client =
      std::make_unique<GrpcClient>(*rpc.loop, std::move(client_end),
                                   [&](const absl::Status&) { ++rpc.lost; });
  EXPECT_TRUE(rpc.Unary("/test.T/Unary", "x").ok());

  kill(pid, SIGSTOP);
  // More than the socket takes, so that writing is blocked too.
  const std::string large(3 << 20, 'x');
  EXPECT_EQ(
      rpc.Unary("/test.T/Unary", large, absl::Milliseconds(50)).status().code(),
      absl::StatusCode::kDeadlineExceeded);
  EXPECT_EQ(
      rpc.Unary("/test.T/Unary", "x", absl::Milliseconds(50)).status().code(),
      absl::StatusCode::kDeadlineExceeded);

  kill(pid, SIGCONT);
  EXPECT_TRUE(rpc.Unary("/test.T/Unary", "x").ok());

  kill(pid, SIGKILL);
  EXPECT_TRUE(rpc.RunUntil([&] { return rpc.lost > 0; }));
  waitpid(pid, nullptr, 0);
}

TEST(GrpcConnection, NeverRaisesSigpipe) {
  RpcPair rpc;
  signal(SIGPIPE, SIG_DFL);
  CallLog log;
  rpc.client->Start("/test.T/Hang", kForever, LogTo(log));
  ASSERT_TRUE(rpc.RunUntil([&] { return !rpc.log.hanging.empty(); }));

  rpc.log.hanging.front()->Send(std::string(1 << 20, 'x'));
  rpc.client.reset();

  EXPECT_TRUE(rpc.RunUntil([&] { return !rpc.closed.empty(); }));
}

}  // namespace
}  // namespace holdfast::rpc
