#include "plugin/launch/shim_spawner.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <vector>

#include "absl/strings/str_split.h"
#include "base/files.h"
#include "tests/fakes/temporary_directory.h"

namespace holdfast {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

// Stands for a shim: /bin/sh, which takes a shim's arguments for
// `-c SCRIPT NAME ARGUMENT`, with a file at each descriptor.
class ShimSpawnerTest : public testing::Test {
 protected:
  UniqueFd OpenFile(const std::string& name) {
    UniqueFd fd(
        open((directory_ / name).c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
    EXPECT_TRUE(fd);
    return fd;
  }

  ShimCommand Shim(const std::string& script) {
    ShimCommand command;
    command.program = "/bin/sh";
    command.container_id = "-c";
    command.journal_path = script;
    command.runtime_directory = "runtime";
    command.shim_procs_file = "procs";
    command.journal_fd = journal_.get();
    command.listening_fd = listening_.get();
    command.connection_fd = connection_.get();
    command.log_fd = log_.get();
    return command;
  }

  // Its exit code.
  static int Run(const ShimCommand& command) {
    const absl::StatusOr<pid_t> process = SpawnShim(command);
    EXPECT_TRUE(process.ok()) << process.status();
    if (!process.ok()) return -1;
    siginfo_t info = {};
    EXPECT_EQ(waitid(P_PID, static_cast<id_t>(*process), &info, WEXITED), 0);
    return info.si_status;
  }

  std::string Read(const std::string& name) const {
    return ReadSmallFile(directory_ / name).value_or("");
  }
  std::vector<std::string> Words(const std::string& name) const {
    return absl::StrSplit(Read(name), absl::ByAnyChar(" \t\n"),
                          absl::SkipEmpty());
  }

  const TemporaryDirectory directory_;
  UniqueFd journal_ = OpenFile("journal");
  UniqueFd listening_ = OpenFile("listening");
  UniqueFd connection_ = OpenFile("connection");
  UniqueFd log_ = OpenFile("log");
};

TEST_F(ShimSpawnerTest, GivesEachDescriptorItsNumber) {
  EXPECT_EQ(Run(Shim("echo log >&2; echo journal >&3; echo listening >&4;"
                     "echo connection >&5; echo lost")),
            0);

  for (const char* name : {"log", "journal", "listening", "connection"}) {
    EXPECT_THAT(Words(name), ElementsAre(name));
  }
}

TEST_F(ShimSpawnerTest, GivesItThoseDescriptorsAndNoOther) {
  // What others of the agent's threads have open.
  std::vector<UniqueFd> others;
  others.reserve(20);
  for (int i = 0; i < 20; ++i) others.push_back(OpenFile("other"));

  Run(Shim("exec >&3; ls /proc/$$/fd; :"));

  EXPECT_THAT(Words("journal"), ElementsAre("0", "1", "2", "3", "4", "5"));
}

TEST_F(ShimSpawnerTest, PutsDescriptorsInPlaceWhateverTheirNumbersAre) {
  // Each is where another one is to be.
  std::array<UniqueFd, 4> low;
  std::array<const char*, 4> names = {"connection", "listening", "journal",
                                      "log"};
  for (size_t i = 0; i < low.size(); ++i) low[i] = OpenFile(names[i]);
  ShimCommand command =
      Shim("echo journal >&3; echo listening >&4; echo connection >&5");
  command.connection_fd = low[0].get();
  command.listening_fd = low[1].get();
  command.journal_fd = low[2].get();

  EXPECT_EQ(Run(command), 0);

  for (const char* name : {"journal", "listening", "connection"}) {
    EXPECT_THAT(Words(name), ElementsAre(name));
  }
}

TEST_F(ShimSpawnerTest, StartsItInASessionOfItsOwn) {
  Run(Shim("echo $$ >&3; cut -d ' ' -f 5,6 /proc/$$/stat >&3"));

  const std::vector<std::string> words = Words("journal");
  ASSERT_THAT(words, testing::SizeIs(3));
  EXPECT_EQ(words[1], words[0]) << "its process group";
  EXPECT_EQ(words[2], words[0]) << "its session";
}

TEST_F(ShimSpawnerTest, StartsItWithNoSignalBlockedOrIgnored) {
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_BLOCK, &all, &before);
  const auto old_handler = signal(SIGPIPE, SIG_IGN);

  Run(Shim("exec >&3; sed -n 's/Sig[BI][lg][kn]://p' /proc/self/status"));

  signal(SIGPIPE, old_handler);
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  const std::vector<std::string> words = Words("journal");
  ASSERT_THAT(words, testing::SizeIs(2));
  EXPECT_EQ(words[0], "0000000000000000");
  // But 32 and 33, which glibc's posix_spawn ignores for itself.
  EXPECT_EQ(strtoull(words[1].c_str(), nullptr, 16) & 0x7fffffff, 0u)
      << words[1];
}

TEST_F(ShimSpawnerTest, GivesItTheArgumentsAndNoEnvironment) {
  setenv("HOLDFAST_TEST_SECRET", "x", 1);

  Run(Shim("echo $0 $1 $HOLDFAST_TEST_SECRET >&3"));

  EXPECT_THAT(Words("journal"), ElementsAre("runtime", "procs"));
}

TEST_F(ShimSpawnerTest, SaysThatThereIsNoSuchProgram) {
  ShimCommand command = Shim("");
  command.program = directory_ / "no-shim";

  const absl::Status missing = SpawnShim(command).status();
  command.program = directory_ / "journal";  // no one may run it
  const absl::Status forbidden = SpawnShim(command).status();

  EXPECT_TRUE(absl::IsNotFound(missing)) << missing;
  EXPECT_THAT(std::string(missing.message()),
              HasSubstr(directory_ / "no-shim"));
  EXPECT_TRUE(absl::IsPermissionDenied(forbidden)) << forbidden;
}

}  // namespace
}  // namespace holdfast
