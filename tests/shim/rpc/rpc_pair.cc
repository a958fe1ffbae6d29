#include "tests/shim/rpc/rpc_pair.h"

#include <gtest/gtest.h>
#include <sys/socket.h>

#include "base/clock.h"

namespace holdfast::rpc {

std::pair<UniqueFd, UniqueFd> ConnectedPair() {
  int fds[2];
  EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
  return {UniqueFd(fds[0]), UniqueFd(fds[1])};
}

bool RunUntil(EventLoop& loop, const std::function<bool()>& done) {
  const absl::Duration end = SystemClock().SinceBoot() + absl::Seconds(10);
  while (!done()) {
    if (SystemClock().SinceBoot() > end) return false;
    loop.RunOnce(absl::Milliseconds(100));
  }
  return true;
}

void RunUntilQuiet(EventLoop& loop) {
  // A turn that handled something posts to the next; several in a row that
  // find nothing ready mean that all is said.
  for (int i = 0; i < 20; ++i) loop.RunOnce(absl::ZeroDuration());
}

ClientCallEvents LogTo(CallLog& log) {
  return {.on_message =
              [&log](absl::string_view message) {
                log.messages.emplace_back(message);
              },
          .on_done =
              [&log](absl::Status status) {
                ++log.done;
                log.status = std::move(status);
              }};
}

RpcPair::RpcPair(ServerOptions options) {
  loop = std::move(EventLoop::Create()).value();
  server = std::make_unique<GrpcServer>(*loop, options);
  AddTestService(*server, log);
  server->OnConnectionClosed(
      [this](uint64_t number) { closed.push_back(number); });
  auto [server_end, client_end] = ConnectedPair();
  EXPECT_TRUE(server->Serve(std::move(server_end)).ok());
  client = std::make_unique<GrpcClient>(*loop, std::move(client_end),
                                        [this](absl::Status why) {
                                          ++lost;
                                          lost_why = std::move(why);
                                        });
}

absl::StatusOr<std::string> RpcPair::Unary(absl::string_view path,
                                           absl::string_view request,
                                           absl::Duration timeout) {
  // Shared, since a call that never ends outlives this function.
  auto result =
      std::make_shared<absl::StatusOr<std::string>>(absl::UnknownError("none"));
  auto done = std::make_shared<bool>(false);
  client->Unary(path, request, timeout,
                [result, done](absl::StatusOr<std::string> got) {
                  *result = std::move(got);
                  *done = true;
                });
  EXPECT_TRUE(RunUntil([&] { return *done; }));
  return *result;
}

}  // namespace holdfast::rpc
