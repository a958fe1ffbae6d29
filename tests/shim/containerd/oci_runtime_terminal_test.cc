#include "shim/containerd/console_socket.h"
#include "tests/shim/containerd/oci_runtime_fixture.h"

namespace holdfast::containerd {
namespace {

class OciRuntimeTerminalTest : public OciRuntimeTest {};

TEST_P(OciRuntimeTerminalTest, GivesTheContainersTerminal) {
  MakeBundle({.args = {"sh", "-c", "tty; read x; echo got $x"},
              .env = {"PATH=/bin"},
              .terminal = true});
  auto socket = ConsoleSocket::Create(*loop_, scratch_.path());
  ASSERT_TRUE(socket.ok()) << socket.status();
  UniqueFd master;
  (*socket)->Await([&](absl::StatusOr<UniqueFd> sent) {
    ASSERT_TRUE(sent.ok()) << sent.status();
    master = *std::move(sent);
  });

  const absl::StatusOr<pid_t> pid = Create({}, (*socket)->path());

  ASSERT_TRUE(pid.ok()) << pid.status();
  ASSERT_TRUE(RunUntil([&] { return static_cast<bool>(master); }));
  ASSERT_TRUE(Start().ok());
  ASSERT_EQ(write(master.get(), "word\n", 5), 5);
  ASSERT_TRUE(HasExited(*pid));
  std::string output;  // EIO: its last user is gone
  char part[256];
  for (ssize_t got; (got = read(master.get(), part, sizeof part)) > 0;) {
    output.append(part, static_cast<size_t>(got));
  }
  EXPECT_THAT(output, testing::AllOf(testing::HasSubstr("/dev/pts/0"),
                                     testing::HasSubstr("got word")));
}

INSTANTIATE_TEST_SUITE_P(Runtimes, OciRuntimeTerminalTest,
                         testing::Values("crun", "runc"),
                         [](const auto& test) { return test.param; });

}  // namespace
}  // namespace holdfast::containerd
