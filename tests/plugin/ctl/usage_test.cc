// How the command line may be wrong, and an agent unreachable.
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "gmock/gmock.h"
#include "tests/plugin/ctl/ctl_fixture.h"

namespace holdfast::ctl {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

constexpr char kNowhere[] = "unix:/nonexistent/holdfastd.sock";

struct Wrong {
  std::vector<std::string> arguments;
  std::string error;
};

TEST(Usage, WrongCommandLinesAreNamedAndExitWith64) {
  const std::string long_path = "/" + std::string(107, 'x');
  const Wrong kWrong[] = {
      {{}, "needs a command (see holdfastctl --help)"},
      {{"frob"}, "unknown command \"frob\""},
      {{"--frob", "ps"}, "unknown option --frob"},
      {{"-x"}, "unknown option -x"},
      {{"help", "frob"}, "unknown command \"frob\""},
      {{"ps", "--frob=1"}, "ps: unknown option --frob"},
      {{"ps", "-ax"}, "ps: unknown option -x"},
      {{"ps", "--all=yes"}, "ps: option --all takes no value"},
      {{"ps", "t-1"}, "ps: unexpected \"t-1\""},
      {{"ps", "-o", "yaml"}, "--output \"yaml\" is neither table nor json"},
      {{"ps", "--address"}, "option --address needs a value"},
      {{"ps", "--address", "http://x"}, "only unix sockets"},
      {{"ps", "--address", "unix:"}, "has no path"},
      {{"ps", "--address", long_path}, "108 bytes, a socket's is at most 107"},
      {{"inspect"}, "inspect: needs a TASK_ID"},
      {{"inspect", "a", "b"}, "one TASK_ID at a time: unexpected \"b\""},
      {{"kill"}, "kill: needs a TASK_ID"},
      {{"kill", ""}, "kill: an empty TASK_ID"},
      {{"kill", "--grace", "3", "t-1"}, "--grace \"3\": a unit is missing"},
      {{"lease"}, "lease: needs one of ls, extend"},
      {{"lease", "frob"}, "lease: \"frob\" is none of ls, extend, timeout"},
      {{"lease", "ls", "t-1"}, "lease: unexpected \"t-1\""},
      {{"lease", "pause"}, "lease: needs either tasks or --all"},
      {{"lease", "pause", "--all", "t-1"}, "needs either tasks or --all"},
      {{"lease", "extend"}, "lease: extend needs a duration, such as 2h"},
      {{"lease", "extend", "soon", "--all"}, "\"soon\""},
      {{"lease", "timeout", "-1s", "t-1"}, "unknown option -1"},
      {{"timeline"}, "timeline: needs a TASK_ID"},
      {{"timeline", "/t-1"}, "timeline: \"/t-1\" is not NAMESPACE/ID"},
      {{"timeline", "ns/"}, "timeline: \"ns/\" is not NAMESPACE/ID"},
      {{"logs", "--namespace", "a", "b/t-1"}, "two namespaces: a and b"},
      {{"run"}, "run: needs a command to run"},
      {{"run", "--"}, "run: needs a command to run"},
      {{"run", "--id", "a/b", "x"}, "run: "},
      {{"run", "--memory", "lots", "x"}, "--memory \"lots\": no size"},
      {{"run", "--cpus", "-1", "x"}, "--cpus \"-1\" is no number of CPUs"},
      {{"run", "--pids", "0", "x"}, "--pids \"0\" is no number of processes"},
      {{"run", "--env", "=1", "x"}, "--env \"=1\" is not NAME=VALUE"},
      {{"run", "--grace"}, "option --grace needs a value"},
  };
  for (const Wrong& wrong : kWrong) {
    const auto result = RunCtl(kNowhere, wrong.arguments);
    EXPECT_EQ(result.exit_code, 64) << wrong.error << "\n" << result.err;
    EXPECT_THAT(result.err, StartsWith("holdfastctl: "));
    EXPECT_THAT(result.err, HasSubstr(wrong.error));
    EXPECT_EQ(result.err.find('\n'), result.err.size() - 1) << result.err;
    EXPECT_EQ(result.out, "");
  }
}

TEST(Usage, HelpAndVersionNeedNoAgent) {
  for (const char* command :
       {"run", "ps", "inspect", "logs", "kill", "wait", "lease", "timeline",
        "rm", "events", "info", "recovery", "recover", "fsck", "drain",
        "undrain", "teardown", "retire"}) {
    const auto result = RunCtl(kNowhere, {command, "--help"});
    EXPECT_EQ(result.exit_code, 0);
    EXPECT_THAT(result.out,
                StartsWith(std::string("usage: holdfastctl ") + command));
    EXPECT_EQ(RunCtl(kNowhere, {"help", command}).out, result.out);
    EXPECT_THAT(RunCtl(kNowhere, {"-h"}).out, HasSubstr(command));
  }
  EXPECT_THAT(RunCtl(kNowhere, {"--version"}).out, StartsWith("holdfastctl "));
  EXPECT_THAT(RunCtl(kNowhere, {"ps", "--version"}).out,
              StartsWith("holdfastctl "));
}

TEST(Usage, AnAgentThatIsNotThereIsNamedWithTheReason) {
  for (const std::vector<std::string>& arguments :
       std::vector<std::vector<std::string>>{{"info"},
                                             {"run", "x"},
                                             {"kill", "t-1"},
                                             {"wait", "t-1"},
                                             {"logs", "-f", "t-1"},
                                             {"events", "--follow"}}) {
    const auto result = RunCtl(kNowhere, arguments);
    EXPECT_EQ(result.exit_code, 69);
    EXPECT_EQ(result.err,
              "holdfastctl: cannot reach the agent at "
              "unix:/nonexistent/holdfastd.sock: No such file or directory; "
              "is holdfastd running?\n");
  }
}

TEST(Usage, DefaultAddressIsUsedWithoutAnyOther) {
  if (access("/run/holdfast/holdfastd.sock", F_OK) == 0) {
    GTEST_SKIP() << "an agent of this machine has the default socket";
  }
  EXPECT_THAT(RunCtl("", {"info"}).err,
              HasSubstr("unix:/run/holdfast/holdfastd.sock: "));
}

using AddressTest = CtlTest;

TEST_F(AddressTest, IsTakenBeforeAndAfterTheCommandInAllItsForms) {
  const std::string path = Address().substr(5);
  for (const std::vector<std::string>& arguments :
       std::vector<std::vector<std::string>>{
           {"--address", path, "info"},
           {"--address=unix:" + path, "info"},
           {"info", "--address", path},
           {"info", "--address=unix://" + path}}) {
    const auto result = RunCtl(kNowhere, arguments);
    EXPECT_EQ(result.exit_code, 0) << result.err;
    EXPECT_THAT(result.out, HasSubstr("agent-1"));
  }
  EXPECT_EQ(RunCtl("http://bad", {"info", "--address", path}).exit_code, 0);
}

TEST_F(AddressTest, ADeadAgentsSocketRefuses) {
  agent.Die();

  const auto result = Ctl({"ps"});

  EXPECT_EQ(result.exit_code, 69);
  EXPECT_THAT(result.err, HasSubstr("Connection refused; is holdfastd run"));
}

TEST(Usage, AnAgentThatAcceptsAndIsSilentTimesOut) {
  std::string directory = ::testing::TempDir() + "/holdfastctl-XXXXXX";
  ASSERT_NE(mkdtemp(directory.data()), nullptr);
  const std::string path = directory + "/s";
  sockaddr_un name = {};
  name.sun_family = AF_UNIX;
  path.copy(name.sun_path, sizeof(name.sun_path) - 1);
  const UniqueFd listener(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  ASSERT_EQ(bind(listener.get(), reinterpret_cast<const sockaddr*>(&name),
                 sizeof(name)),
            0);
  ASSERT_EQ(listen(listener.get(), 4), 0);

  const auto result = RunCtl(path, {"info", "--timeout", "200ms"});

  EXPECT_EQ(result.exit_code, 124);
  EXPECT_THAT(result.err, HasSubstr("(DEADLINE_EXCEEDED)"));
  unlink(path.c_str());
  rmdir(directory.c_str());
}

TEST_F(AddressTest, AFullDiskUnderStdoutIsAnError) {
  const std::string line = std::string(HOLDFASTCTL_BINARY) + " --address " +
                           Address() + " info >/dev/full 2>/dev/null";
  EXPECT_EQ(WEXITSTATUS(system(line.c_str())), 1);
}

}  // namespace
}  // namespace holdfast::ctl
