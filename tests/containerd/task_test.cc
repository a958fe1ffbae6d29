// What clients of containerd rely on, and ctr does not show.
#include <signal.h>

#include "absl/strings/match.h"
#include "google/protobuf/empty.pb.h"
#include "tests/containerd/fifos.h"
#include "tests/containerd/script.h"
#include "tests/integration/process_watch.h"

namespace holdfast::containerd {
namespace {

using google::protobuf::Empty;

class TaskTest : public ScriptTest {
 protected:
  void SetUp() override {
    ShimTest::SetUp();
    if (!OurShim().IsThere()) GTEST_SKIP() << "this build has no shim of ours";
    if (OciRuntimePath("runc").empty()) GTEST_SKIP() << "there is no runc";
  }

  // The container c1, running.
  void Run(OciBundleOptions options) {
    MakeBundleOf("c1", std::move(options));
    caller_ = StartShim(OurShim(), "c1");
    ASSERT_NE(caller_, nullptr);
    client_.emplace(*caller_);
    Must<task::CreateTaskResponse>("Create", Request("c1"));
    Must<task::StartResponse>("Start", Of<task::StartRequest>());
  }

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

  void KillInit() {
    auto kill = Of<task::KillRequest>();
    kill.set_signal(SIGKILL);
    Must<Empty>("Kill", kill);
    Must<task::WaitResponse>("Wait", Of<task::WaitRequest>());
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

}  // namespace
}  // namespace holdfast::containerd
