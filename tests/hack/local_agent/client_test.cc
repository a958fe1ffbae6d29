#include "hack/local_agent/client.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include "base/unix_socket.h"
#include "tests/fakes/temporary_directory.h"

namespace holdfast::hack {
namespace {

TEST(LocalAgentsClient, ConnectsToTheProcessThatItWasToldOfAndToNoOther) {
  const TemporaryDirectory directory;
  const std::string path = directory.path() + "/holdfastd.sock";
  const absl::StatusOr<UniqueFd> listening = ListenUnix(path, {});
  ASSERT_TRUE(listening.ok()) << listening.status();
  const auto connect = [&](std::optional<pid_t> listener) {
    return Client::Connect(path, absl::ZeroDuration(), listener).status();
  };

  EXPECT_TRUE(connect(std::nullopt).ok());
  EXPECT_TRUE(connect(getpid()).ok());
  EXPECT_TRUE(absl::IsDeadlineExceeded(connect(getppid())));
}

}  // namespace
}  // namespace holdfast::hack
