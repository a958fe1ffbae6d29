// The reader of a container's output is away, as containerd is while it
// restarts: the container never waits, and the reader gets every byte later.
#include <sys/stat.h>

#include <filesystem>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "base/clock.h"
#include "tests/containerd/fifos.h"
#include "tests/containerd/script.h"
#include "tests/fakes/slowness.h"
#include "tests/integration/process_watch.h"

namespace holdfast::containerd {
namespace {

constexpr int kLines = 26'215;  // 5 MiB of 200 bytes each

std::string WhatChattyWrites() {
  std::string all;
  for (int i = 0; i < kLines; ++i) {
    all += absl::StrFormat("%09d ", i) + std::string(189, 'x') + "\n";
  }
  return all;
}

class ReaderAway : public ScriptTest {
 protected:
  void SetUp() override {
    ShimTest::SetUp();
    if (IsSkipped()) return;
    if (!OurShim().IsThere()) GTEST_SKIP() << "this build has no shim of ours";
    std::filesystem::copy_file(CHATTY_BINARY, rootfs() + "/bin/chatty");
    MakeBundleOf("c1", {.args = {"/bin/chatty", absl::StrCat(kLines)}});
  }
  task::WaitResponse Run(TaskClient& client, const std::string& out,
                         const std::string& err) {
    task::CreateTaskRequest create = Request("c1");
    create.set_stdout(out);
    create.set_stderr(err);
    EXPECT_TRUE(client.Call<task::CreateTaskResponse>("Create", create).ok());
    task::StartRequest start;
    start.set_id("c1");
    EXPECT_TRUE(client.Call<task::StartResponse>("Start", start).ok());
    task::WaitRequest wait;
    wait.set_id("c1");
    const auto ended = client.Call<task::WaitResponse>("Wait", wait);
    EXPECT_TRUE(ended.ok()) << ended.status();
    return ended.value_or(task::WaitResponse());
  }
  // How long the shim took to tell the state.
  absl::Duration AskForState(TaskClient& client) {
    task::StateRequest request;
    request.set_id("c1");
    const absl::Duration asked = SystemClock().SinceBoot();
    const auto state = client.Call<task::StateResponse>("State", request);
    EXPECT_TRUE(state.ok()) << state.status();
    return SystemClock().SinceBoot() - asked;
  }
  void Remove(TaskClient& client) {
    task::DeleteRequest request;
    request.set_id("c1");
    EXPECT_TRUE(client.Call<task::DeleteResponse>("Delete", request).ok());
    task::ShutdownRequest shutdown;
    (void)client.Call<google::protobuf::Empty>("Shutdown", shutdown);
  }
};

TEST_F(ReaderAway, LosesNothingAndHoldsNobodyUp) {
  const std::unique_ptr<TtrpcCaller> caller = StartShim(OurShim(), "c1");
  ASSERT_NE(caller, nullptr);
  TaskClient client(*caller);
  const std::string out = Scratch("out");
  ASSERT_EQ(mkfifo(out.c_str(), 0600), 0);
  OutputFifo err(Scratch("err"));

  const task::WaitResponse ended = Run(client, out, err.path());

  EXPECT_EQ(ended.exit_status(), 0U);
  int64_t slowest_us = -1;
  EXPECT_TRUE(
      Eventually([&] { return absl::SimpleAtoi(err.text(), &slowest_us); }));
  EXPECT_LT(absl::Microseconds(slowest_us), absl::Milliseconds(50) * kSlowness);
  // A reader may be on its way, and who is told the state may not wait for it.
  EXPECT_GE(AskForState(client), absl::Milliseconds(25));
  OutputFifo back(out, OutputFifo::kIsThere);
  const std::string wanted = WhatChattyWrites();
  EXPECT_TRUE(Eventually([&] { return back.text().size() >= wanted.size(); }));
  EXPECT_TRUE(back.text() == wanted) << back.text().size();
  Remove(client);
  EXPECT_TRUE(back.AwaitEnd() == wanted);
}

}  // namespace
}  // namespace holdfast::containerd
