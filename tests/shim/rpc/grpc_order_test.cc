// What goes out first, where one connection's call makes another's message.
#include <gtest/gtest.h>
#include <poll.h>

#include <memory>
#include <string>
#include <utility>

#include "tests/shim/rpc/rpc_pair.h"

namespace holdfast::rpc {
namespace {

constexpr absl::Duration kForever = absl::InfiniteDuration();

// A connection to the pair's server, and what lies at its client's end.
class Observed {
 public:
  explicit Observed(RpcPair& rpc) {
    auto [server_end, client_end] = ConnectedPair();
    fd_ = client_end.get();
    EXPECT_TRUE(rpc.server->Serve(std::move(server_end)).ok());
    client = std::make_unique<GrpcClient>(*rpc.loop, std::move(client_end),
                                          [](const absl::Status&) {});
  }
  // Whether the server has sent what its client has not read yet.
  bool HasBytes() const {
    pollfd polled = {.fd = fd_, .events = POLLIN, .revents = 0};
    return poll(&polled, 1, 0) == 1;
  }

  std::unique_ptr<GrpcClient> client;

 private:
  int fd_;  // the client's
};

TEST(GrpcOrder, WhatACallMakesAnotherHearGoesOutBeforeItsAnswer) {
  RpcPair rpc;
  const Observed caller(rpc);
  const Observed watcher(rpc);
  CallLog shown;
  watcher.client->Start("/test.T/Hang", kForever, LogTo(shown))->Send("watch");
  RunUntilQuiet(*rpc.loop);
  ASSERT_EQ(rpc.log.hanging.size(), 1U);
  std::string sent = "nothing was looked at";
  const auto look = [&] {
    sent = watcher.HasBytes() ? "shown" : "not shown";
    if (caller.HasBytes()) sent += ", answered";
  };
  rpc.server->AddUnary("/test.T/Show",
                       [&](absl::string_view request, ServerCall& /*call*/) {
                         rpc.log.hanging.front()->Send(request);
                         rpc.loop->Post(look);
                         return std::string(request);
                       });
  bool answered = false;

  caller.client->Unary("/test.T/Show", "update", kForever,
                       [&](const auto& answer) { answered = answer.ok(); });

  ASSERT_TRUE(rpc.RunUntil([&] { return answered; }));
  EXPECT_EQ(sent, "shown");
  EXPECT_EQ(shown.messages, (std::vector<std::string>{"update"}));
}

}  // namespace
}  // namespace holdfast::rpc
