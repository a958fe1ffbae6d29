// Output outlives the agent: nothing blocks, nothing is lost, nothing is told
// twice.

#include "absl/strings/str_cat.h"
#include "api/orchestrator.grpc.pb.h"
#include "gmock/gmock.h"
#include "tests/integration/agent_fixture.h"

namespace holdfast {
namespace {

constexpr absl::Duration kCopyTimeout = absl::Seconds(60);

struct Output {
  std::string data;
  uint64_t first_offset = 0;
  uint64_t skipped_bytes = 0;
  bool contiguous = true;  // each response goes on where the one before ended
};

class OutputOfATask : public AgentTest {
 protected:
  void SetUp() override {
    AgentTest::SetUp();
    if (IsSkipped()) return;
    Register(kFramework);
  }

  Output ReadStdout(const std::string& task_id, uint64_t from = 0) {
    v1::LogsRequest request;
    request.set_task_id(task_id);
    request.set_stdout_only(true);
    request.set_stdout_offset(from);
    grpc::ClientContext context;
    context.set_deadline(absl::ToChronoTime(absl::Now() + kCopyTimeout));
    const auto stream = client().stub().Logs(&context, request);
    Output output;
    uint64_t next = from;
    for (v1::LogsResponse response; stream->Read(&response);) {
      if (output.data.empty()) output.first_offset = response.offset();
      output.skipped_bytes += response.skipped_bytes();
      output.contiguous &= response.offset() == next + response.skipped_bytes();
      next = response.offset() + response.data().size();
      output.data += response.data();
    }
    const absl::Status end = hack::Client::ToAbsl(stream->Finish());
    EXPECT_TRUE(end.ok()) << end;
    return output;
  }

  // Runs a task that waits for its cue, while nobody is there.
  void RunWhileDown(v1::TaskInfo task) {
    const std::string cue = Scratch("cue");
    task.mutable_command()->set_value(absl::StrCat("while ! [ -e ", cue,
                                                   " ]; do sleep 0.02; done; ",
                                                   task.command().value()));
    const v1::Task launched = Launch(task);
    const ProcessWatch executor(launched.pid());
    const ProcessWatch shim(launched.shim_pid());
    KillAgent();
    WriteFile(cue, "");
    executor.WaitForEnd(kCopyTimeout);
    shim.WaitForEnd(kCopyTimeout);
    RestartAgent();
  }
};

// As `yes TEXT | head -c SIZE` writes it.
std::string Repeated(const std::string& line, size_t size) {
  std::string text;
  text.reserve(size + line.size());
  while (text.size() < size) text += line;
  text.resize(size);
  return text;
}

// Of numbers by `seq`.
std::string Sequence(int last) {
  std::string text;
  for (int i = 1; i <= last; ++i) absl::StrAppend(&text, i, "\n");
  return text;
}

TEST_F(OutputOfATask, IsKeptToTheByteWhileTheAgentIsDown) {
  constexpr size_t kBytes = 100'000'000;  // less than 8 files of 16 MiB

  RunWhileDown(
      ShellTask("loud",
                "yes 0123456789abcdef | head -c 100000000; echo done >&2; exit "
                "3"));

  EXPECT_EQ(Get("loud").task().exit_code(), 3);  // it was never blocked
  const ctl::CtlProcess::Result logs = ctl::RunCtl(address(), {"logs", "loud"});
  EXPECT_EQ(logs.exit_code, 0) << logs.err;
  EXPECT_EQ(logs.out.size(), kBytes);
  EXPECT_TRUE(logs.out == Repeated("0123456789abcdef\n", kBytes));
  EXPECT_EQ(logs.err, "done\n");
}

TEST_F(OutputOfATask, KeepsItsTailWithinTheBoundThatTheTaskChose) {
  v1::TaskInfo task = ShellTask("bounded", "seq 1 100000");
  task.mutable_output()->set_max_file_bytes(64 << 10);
  task.mutable_output()->set_max_files(3);
  const std::string all = Sequence(100000);

  RunWhileDown(task);

  const Output output = ReadStdout("bounded");
  EXPECT_TRUE(output.contiguous);
  EXPECT_EQ(output.skipped_bytes, output.first_offset);
  EXPECT_EQ(output.first_offset + output.data.size(), all.size());
  EXPECT_TRUE(output.data == all.substr(output.first_offset));
  EXPECT_LE(output.data.size(), size_t{3 * (64 << 10)});
  EXPECT_GT(output.data.size(), size_t{2 * (64 << 10)});
}

TEST_F(OutputOfATask, IsReadOnFromAnyOffset) {
  RunWhileDown(ShellTask("offsets", "seq 1 20000"));
  const std::string all = Sequence(20000);

  for (const size_t from : {size_t{1}, size_t{65536}, all.size() - 1}) {
    const Output output = ReadStdout("offsets", from);
    EXPECT_TRUE(output.data == all.substr(from)) << "from " << from;
    EXPECT_EQ(output.skipped_bytes, 0u);
  }
  EXPECT_EQ(ReadStdout("offsets", all.size()).data, "");
}

TEST_F(OutputOfATask, GoesOnForAPersonWhileTheAgentIsRestarted) {
  ctl::CtlProcess run(address(),
                      {"run", "--id", "followed", "--", "sh", "-c",
                       "i=1; while [ $i -le 60 ]; do echo $i; echo e$i >&2; "
                       "i=$((i+1)); sleep 0.05; done; exit 5"});
  run.WaitForOutput("\n5\n");
  RestartAgent();
  run.WaitForOutput("\n30\n");
  RestartAgent();

  const ctl::CtlProcess::Result result = run.Wait();

  EXPECT_EQ(result.exit_code, 5);
  EXPECT_EQ(result.out, Sequence(60));
  for (const char* line : {"e1\n", "\ne30\n", "\ne60\n"})
    EXPECT_THAT(result.err, testing::HasSubstr(line));
}

TEST_F(OutputOfATask, ReachesAPersonWhoWaitedWhileItEndedWithoutTheAgent) {
  const std::string cue = Scratch("cue");
  ctl::CtlProcess run(address(),
                      {"run", "--id", "missed", "--", "sh", "-c",
                       "echo first; while ! [ -e " + cue +
                           " ]; do sleep 0.02; done; seq 1 20000; exit 9"});
  run.WaitForOutput("first\n");
  const ProcessWatch shim(Get("missed").task().shim_pid());

  KillAgent();
  WriteFile(cue, "");
  shim.WaitForEnd(absl::Seconds(20));
  StartAgent();

  const ctl::CtlProcess::Result result = run.Wait();
  EXPECT_EQ(result.exit_code, 9);
  EXPECT_TRUE(result.out == "first\n" + Sequence(20000));
}

}  // namespace
}  // namespace holdfast
