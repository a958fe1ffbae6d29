// What clients of containerd rely on, and ctr does not show.
#include <signal.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "api/containerd/runc_options.pb.h"
#include "base/files.h"
#include "google/protobuf/empty.pb.h"
#include "tests/containerd/command.h"
#include "tests/containerd/fifos.h"
#include "tests/containerd/leftovers.h"
#include "tests/containerd/script.h"
#include "tests/integration/process_watch.h"

namespace holdfast::containerd {
namespace {

using google::protobuf::Empty;

class TaskTest : public ScriptTest {
 protected:
  void SetUp() override {
    ShimTest::SetUp();
    if (IsSkipped()) return;
    if (!OurShim().IsThere()) GTEST_SKIP() << "this build has no shim of ours";
    if (OciRuntimePath("runc").empty()) GTEST_SKIP() << "there is no runc";
  }

  // The container c1, running.
  void Run(OciBundleOptions options) {
    RunUnder(OciRuntimePath("runc"), std::move(options));
  }
  void RunUnder(const std::string& runtime, OciBundleOptions options) {
    MakeUnder(runtime, std::move(options));
    Must<task::StartResponse>("Start", Of<task::StartRequest>());
  }
  void MakeUnder(const std::string& runtime, OciBundleOptions options) {
    MakeBundleOf("c1", std::move(options));
    Make(RequestWithRuntime("c1", runtime));
  }
  void Make(const task::CreateTaskRequest& request) {
    caller_ = StartShim(OurShim(), "c1");
    ASSERT_NE(caller_, nullptr);
    client_.emplace(*caller_);
    Must<task::CreateTaskResponse>("Create", request);
  }

  // runc, and `lines` of shell before it (`run` runs it with its arguments).
  std::string RuntimeThat(const std::string& lines) const {
    std::string path = Scratch("runtime");
    std::ofstream(path) << "#!/bin/sh\nrun() { " << OciRuntimePath("runc")
                        << " \"$@\"; }\n"
                        << lines << "\nrun \"$@\"\n";
    chmod(path.c_str(), 0700);
    return path;
  }

  void AddExec(const std::string& exec_id,
               const std::vector<std::string>& command = {"/bin/true"},
               task::ExecProcessRequest exec = {}) {
    exec.set_id("c1");
    exec.set_exec_id(exec_id);
    exec.mutable_spec()->set_value(OciProcess(command, exec.terminal()));
    Must<Empty>("Exec", exec);
  }
  // Its answer is awaited by AwaitStart().
  uint32_t BeginStart(const std::string& exec_id) {
    return caller_->Begin("containerd.task.v2.Task", "Start",
                          Of<task::StartRequest>(exec_id).SerializeAsString());
  }
  absl::Status AwaitStart(uint32_t call) {
    return caller_->Await(call, absl::Seconds(20)).status();
  }
  bool IsAnswered(uint32_t call) { return caller_->IsAnswered(call); }

  template <typename Request>
  static Request Of(const std::string& exec_id = "") {
    Request request;
    request.set_id("c1");
    if (!exec_id.empty()) request.set_exec_id(exec_id);
    return request;
  }

  template <typename Response, typename Request>
  Response Must(const std::string& method, const Request& request) {
    const auto answer = client_->Call<Response>(method, request);
    EXPECT_TRUE(answer.ok()) << method << ": " << answer.status();
    return answer.value_or(Response());
  }

  int CountPids() {
    task::PidsRequest request;
    request.set_id("c1");
    return Must<task::PidsResponse>("Pids", request).processes_size();
  }

  void Kill(const std::string& exec_id = "") {
    auto kill = Of<task::KillRequest>(exec_id);
    kill.set_signal(SIGKILL);
    Must<Empty>("Kill", kill);
  }
  void KillInit() {
    Kill();
    AwaitEnd();
  }
  // Well before the 10 s after which an end is told in any case.
  void AwaitEnd() {
    const uint32_t call =
        caller_->Begin("containerd.task.v2.Task", "Wait",
                       Of<task::WaitRequest>().SerializeAsString());
    const auto answer = caller_->Await(call, absl::Seconds(8));
    EXPECT_TRUE(answer.ok()) << answer.status();
  }

  void Remove() {
    Must<task::DeleteResponse>("Delete", Of<task::DeleteRequest>());
    task::ShutdownRequest shutdown;
    shutdown.set_id("c1");
    (void)client_->Call<Empty>("Shutdown", shutdown);  // it ends meanwhile
  }

 private:
  std::unique_ptr<TtrpcCaller> caller_;
  std::optional<TaskClient> client_;
};

// Its journal cannot be written once the runtime has made it.
class FailedCreate : public TaskTest {
 protected:
  void SetUp() override {
    TaskTest::SetUp();
    if (IsSkipped()) return;
    disk_ = holdfast_directory() + "/lib";
    std::filesystem::create_directories(disk_);
    ASSERT_EQ(mount("small", disk_.c_str(), "tmpfs", 0, "size=64k"), 0);
    MakeBundleOf("c1");
  }
  void TearDown() override {
    if (!disk_.empty()) {
      EXPECT_EQ(umount(disk_.c_str()), 0);
    }
    TaskTest::TearDown();
  }

  // Under runc with `lines` of shell before it, as in RuntimeThat().
  void ExpectFailure(const std::string& lines = "") {
    const std::string pid_file = Scratch("pid");
    const auto caller = StartShim(OurShim(), "c1");
    ASSERT_NE(caller, nullptr);
    const std::string fill = absl::StrCat(
        "case \"$*\" in *' create '*) run \"$@\" || exit; cat ", BundleOf("c1"),
        "/*.pid >", pid_file, "; find ", disk_,
        " -name journal -exec truncate -s 0 {} +; head -c 1M /dev/zero >",
        disk_, "/full 2>/dev/null; exit 0;; esac\n");

    const auto created = TaskClient(*caller).Call<task::CreateTaskResponse>(
        "Create", RequestWithRuntime("c1", RuntimeThat(fill + lines)));

    EXPECT_TRUE(absl::IsResourceExhausted(created.status()))
        << created.status();
    pid_t pid = 0;
    ASSERT_TRUE(absl::SimpleAtoi(*ReadSmallFile(pid_file), &pid));
    EXPECT_NE(kill(pid, 0), 0) << "its init lives";
    EXPECT_TRUE(MountsBelow(BundleOf("c1")).empty());
    for (const auto& left :
         std::filesystem::recursive_directory_iterator(disk_)) {
      EXPECT_NE(left.path().filename(), "c1") << left.path();
    }
    (void)TaskClient(*caller).Call<Empty>("Shutdown", task::ShutdownRequest());
  }

 private:
  std::string disk_;
};

TEST_F(FailedCreate, LeavesNothing) { ExpectFailure(); }

TEST_F(FailedCreate, IsToldThoughTheRuntimeHangs) {
  ExpectFailure("case \"$*\" in *' delete '*) exec sleep 1000;; esac");

  RunCommand({OciRuntimePath("runc"), "--root",
              absl::StrCat(runtime_root(), "/", unique()), "delete", "--force",
              "c1"});
}

// Absolute, so that it is not below the group that the test is in.
TEST_F(TaskTest, HasACgroupOfSystemdsFormWhereThereIsNoSystemd) {
  if (access("/run/systemd/system", F_OK) == 0) GTEST_SKIP() << "there is one";
  const std::string name = unique() + ".slice:test:c1";

  Run({.cgroups_path = "/" + name});

  EXPECT_FALSE(CgroupsNamed(name).empty());
  KillInit();
  Remove();
}

// CRIU itself: tests/vm/criu_test.cc. Here the runtime restores a container by
// making a new one.
TEST_F(TaskTest, IsRestoredFromTheImageOfItsOptionsByItsStart) {
  MakeBundleOf("c1", {.args = {"/bin/sh", "-c", "exit 5"}});
  task::CreateTaskRequest request = RequestWithRuntime(
      "c1", RuntimeThat("case \"$*\" in *' restore '*) echo \"$*\" >" +
                        Scratch("words") + R"(
        while [ $1 != restore ]; do general="$general $1"; shift; done
        while [ $# -gt 1 ]; do
          case $1 in --bundle) bundle=$2;; --pid-file) pid_file=$2;; esac
          shift
        done
        run $general create --bundle $bundle --pid-file $pid_file $1 &&
        run $general start $1; exit;; esac)"));
  ::containerd::runc::v1::Options options;
  ASSERT_TRUE(options.ParseFromString(request.options().value()));
  options.set_criu_image_path("/the/image");
  request.mutable_options()->set_value(options.SerializeAsString());

  Make(request);
  const auto made =
      Must<task::StateResponse>("State", Of<task::StateRequest>());
  const auto started =
      Must<task::StartResponse>("Start", Of<task::StartRequest>());

  EXPECT_EQ(made.status(), task::CREATED);
  EXPECT_EQ(made.pid(), 0u);
  EXPECT_GT(started.pid(), 0u);
  std::ifstream words(Scratch("words"));
  std::string line;
  std::getline(words, line);
  EXPECT_TRUE(absl::StrContains(line, " restore --image-path /the/image "))
      << line;
  EXPECT_EQ(
      Must<task::WaitResponse>("Wait", Of<task::WaitRequest>()).exit_status(),
      5u);
  Remove();
}

TEST_F(TaskTest, AnExecHasATerminalWhereItsRequestSaysSo) {
  Run({});
  OutputFifo out(Scratch("e1-out"));
  auto exec = Of<task::ExecProcessRequest>("e1");
  exec.set_terminal(true);
  exec.set_stdout(out.path());
  exec.mutable_spec()->set_value(OciProcess({"/bin/tty"}, /*terminal=*/false));

  Must<Empty>("Exec", exec);
  Must<task::StartResponse>("Start", Of<task::StartRequest>("e1"));
  Must<task::WaitResponse>("Wait", Of<task::WaitRequest>("e1"));
  Must<task::DeleteResponse>("Delete", Of<task::DeleteRequest>("e1"));

  const std::string terminal = out.AwaitEnd();
  EXPECT_TRUE(absl::StrContains(terminal, "/dev/pts/")) << terminal;
  KillInit();
  Remove();
}

TEST_F(TaskTest, AnExecThatIsHeldUpHoldsUpNoOther) {
  RunUnder(RuntimeThat("case \"$*\" in *e1-process*) while [ ! -e " +
                       Scratch("cue") + " ]; do sleep 0.01; done;; esac"),
           {});
  AddExec("e1");
  AddExec("e2");

  const uint32_t held_up = BeginStart("e1");
  Must<task::StartResponse>("Start", Of<task::StartRequest>("e2"));
  Must<task::WaitResponse>("Wait", Of<task::WaitRequest>("e2"));
  EXPECT_FALSE(IsAnswered(held_up));
  std::ofstream(Scratch("cue")).close();

  EXPECT_TRUE(AwaitStart(held_up).ok());
  Must<task::WaitResponse>("Wait", Of<task::WaitRequest>("e1"));
  KillInit();
  Remove();
}

TEST_F(TaskTest, ItsEndIsToldAfterThatOfAnExecThatIsBeingStarted) {
  RunUnder(RuntimeThat("case \"$*\" in *e1-process*) while [ ! -e " +
                       Scratch("cue") + " ]; do sleep 0.01; done;; esac"),
           {});
  AddExec("e1");
  const uint32_t held_up = BeginStart("e1");
  const auto ended =
      Must<task::StateResponse>("State", Of<task::StateRequest>());
  const ProcessWatch init(static_cast<pid_t>(ended.pid()));

  init.Kill(SIGKILL);
  EXPECT_TRUE(Eventually([&] { return !init.Runs(); }));
  EXPECT_EQ(
      Must<task::StateResponse>("State", Of<task::StateRequest>()).status(),
      task::RUNNING);
  std::ofstream(Scratch("cue")).close();

  EXPECT_FALSE(AwaitStart(held_up).ok()) << "there is nothing to be started in";
  AwaitEnd();
  EXPECT_EQ(
      Must<task::StateResponse>("State", Of<task::StateRequest>()).status(),
      task::STOPPED);
  Remove();
}

TEST_F(TaskTest, AnInitThatIsKilledBeforeItsCreationIsToldIsOneThatEnded) {
  MakeUnder(RuntimeThat(
                "case \"$*\" in *' create '*) run \"$@\" || exit 1; "
                "pid=$(cat \"$(echo \"$*\" | sed 's/.*--pid-file "
                "\\([^ ]*\\).*/\\1/')\"); kill -9 $pid; "
                "while [ -e /proc/$pid ]; do sleep 0.01; done; exit 0;; esac"),
            {});

  const auto end = Must<task::WaitResponse>("Wait", Of<task::WaitRequest>());

  EXPECT_EQ(end.exit_status(), 128U + SIGKILL);
  Remove();
}

TEST_F(TaskTest, ItsEndIsToldWhenNothingOfItRuns) {
  OciBundleOptions options;
  options.own_pid_namespace = false;
  options.args = {"/bin/sh", "-c", "sleep 99999 & sleep 99999 & wait"};
  Run(options);
  ASSERT_TRUE(Eventually([this] { return CountPids() == 3; }));

  KillInit();

  EXPECT_EQ(CountPids(), 1) << "the init's, which is listed until Delete";
  Remove();
}

// Descriptors and children of the shim, files of its container.
std::vector<std::string> Holdings(pid_t shim,
                                  const std::vector<std::string>& directories) {
  namespace fs = std::filesystem;
  std::vector<std::string> all;
  for (const auto& fd :
       fs::directory_iterator(absl::StrCat("/proc/", shim, "/fd"))) {
    std::error_code gone;
    all.push_back("open " + fs::read_symlink(fd.path(), gone).string());
  }
  const auto children =
      ReadSmallFile(absl::StrCat("/proc/", shim, "/task/", shim, "/children"));
  all.push_back("children " + children.value_or("?"));
  for (const std::string& directory : directories) {
    std::error_code gone;
    for (const auto& entry : fs::recursive_directory_iterator(directory, gone))
      all.push_back("file " + entry.path().string());
  }
  std::sort(all.begin(), all.end());
  return all;
}

TEST_F(TaskTest, ExecsLeaveNothingInTheShim) {
  Run({});
  ASSERT_EQ(ShimPids().size(), 1U);
  const auto holdings = [&] {
    return Holdings(ShimPids()[0], {holdfast_directory(), BundleOf("c1")});
  };
  // Start is answered before what its runtime wrote is let go; the next call
  // is answered after it.
  Must<task::StateResponse>("State", Of<task::StateRequest>());
  const std::vector<std::string> before = holdings();

  enum { kPlain, kTerminal, kKilled, kNotStarted, kNoProgram, kNoFifo, kKinds };
  for (int i = 0; i < 54; ++i) {
    const int kind = i % kKinds;
    const std::string id = absl::StrCat("e", i);
    InputFifo in(Scratch(id + "-in"));
    OutputFifo out(Scratch(id + "-out"));
    task::ExecProcessRequest io;
    io.set_stdin(in.path());
    io.set_stdout(kind == kNoFifo ? Scratch("no-such-fifo") : out.path());
    io.set_terminal(kind == kTerminal);
    AddExec(id,
            {kind == kNoProgram ? "/no/such/program" : "/bin/sh", "-c",
             kind == kKilled ? "sleep 1000" : "tty"},
            io);
    if (kind != kNotStarted) {
      EXPECT_EQ(AwaitStart(BeginStart(id)).ok(), kind < kNotStarted);
      if (kind == kKilled) Kill(id);
      Must<task::WaitResponse>("Wait", Of<task::WaitRequest>(id));
    }
    Must<task::DeleteResponse>("Delete", Of<task::DeleteRequest>(id));
  }

  EXPECT_TRUE(Eventually([&] { return holdings() == before; },
                         absl::Seconds(5 * kSlowness)));
  EXPECT_EQ(absl::StrJoin(holdings(), "\n"), absl::StrJoin(before, "\n"));
  KillInit();
  Remove();
}

}  // namespace
}  // namespace holdfast::containerd
