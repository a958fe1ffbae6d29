#include "shim/containerd/console_socket.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <optional>

#include "base/unix_socket.h"
#include "tests/fakes/temporary_directory.h"

namespace holdfast::containerd {
namespace {

class ConsoleSocketTest : public testing::Test {
 protected:
  ConsoleSocketTest() {
    loop_ = std::move(EventLoop::Create()).value();
    socket_ = std::move(ConsoleSocket::Create(*loop_, scratch_.path())).value();
    socket_->Await([this](absl::StatusOr<UniqueFd> master) {
      EXPECT_FALSE(master_.has_value());
      master_ = std::move(master);
      socket_ = nullptr;
    });
  }

  void Send(std::initializer_list<int> fds) {
    absl::StatusOr<UniqueFd> connection = ConnectUnix(socket_->path());
    ASSERT_TRUE(connection.ok()) << connection.status();
    char name[] = "/dev/ptmx";
    iovec part = {.iov_base = name, .iov_len = sizeof name};
    alignas(cmsghdr) char control[CMSG_SPACE(4 * sizeof(int))] = {};
    msghdr message = {};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    if (fds.size() > 0) {
      message.msg_control = control;
      message.msg_controllen = CMSG_SPACE(fds.size() * sizeof(int));
      cmsghdr* const header = CMSG_FIRSTHDR(&message);
      header->cmsg_level = SOL_SOCKET;
      header->cmsg_type = SCM_RIGHTS;
      header->cmsg_len = CMSG_LEN(fds.size() * sizeof(int));
      memcpy(CMSG_DATA(header), fds.begin(), fds.size() * sizeof(int));
    }
    ASSERT_GT(sendmsg(connection->get(), &message, 0), 0);
    sender_ = *std::move(connection);
  }
  void RunUntilTold() {
    for (int i = 0; i < 500 && !master_.has_value(); ++i) {
      loop_->RunOnce(absl::Milliseconds(20));
    }
    ASSERT_TRUE(master_.has_value());
  }

  TemporaryDirectory scratch_;
  std::unique_ptr<EventLoop> loop_;
  std::unique_ptr<ConsoleSocket> socket_;
  UniqueFd sender_;
  std::optional<absl::StatusOr<UniqueFd>> master_;
};

TEST_F(ConsoleSocketTest, HandsOverTheDescriptorThatCame) {
  int pipe_ends[2];
  ASSERT_EQ(pipe2(pipe_ends, O_CLOEXEC), 0);
  const UniqueFd reader(pipe_ends[0]);
  const UniqueFd writer(pipe_ends[1]);

  Send({writer.get(), reader.get()});
  RunUntilTold();

  ASSERT_TRUE(master_->ok()) << master_->status();
  EXPECT_EQ(fcntl((*master_)->get(), F_GETFD), FD_CLOEXEC);
  ASSERT_EQ(write((*master_)->get(), "x", 1), 1);
  char byte = 0;
  ASSERT_EQ(read(reader.get(), &byte, 1), 1);
  EXPECT_EQ(byte, 'x');
}

TEST_F(ConsoleSocketTest, SaysThatNoDescriptorCame) {
  Send({});
  RunUntilTold();

  EXPECT_EQ(master_->status().code(), absl::StatusCode::kUnknown);
}

TEST_F(ConsoleSocketTest, IsPrivateAndLeavesNothing) {
  const std::string path = socket_->path();
  struct stat status;
  ASSERT_EQ(stat(DirectoryOf(path).c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777, 0700u);

  socket_ = nullptr;

  EXPECT_EQ(SystemFiles().List(scratch_.path())->size(), 0u);
}

TEST(ConsoleSocketPath, IsShortWhereTheDirectoryIsNot) {
  TemporaryDirectory scratch;
  const std::string deep = scratch / std::string(120, 'd');
  ASSERT_EQ(mkdir(deep.c_str(), 0700), 0);
  auto loop = std::move(EventLoop::Create()).value();

  const auto socket = ConsoleSocket::Create(*loop, deep);

  ASSERT_TRUE(socket.ok()) << socket.status();
  EXPECT_LE((*socket)->path().size(), kMaxSocketPath);
}

}  // namespace
}  // namespace holdfast::containerd
