// `kubectl attach` and `kubectl exec`, as a kubelet passes them on, before and
// after kill -9 of its containerd.
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "tests/containerd/cri_fixture.h"
#include "tests/containerd/cri_stream.h"
#include "tests/integration/process_watch.h"

namespace holdfast::containerd {
namespace {

using testing::Values;

class CriAttach : public CriTest {
 protected:
  CriStream Attach(const std::string& container, bool tty) {
    cri::AttachRequest request;
    request.set_container_id(container);
    request.set_stdin(true);
    request.set_stdout(true);
    request.set_stderr(!tty);  // a terminal has one output
    request.set_tty(tty);
    return Open(&Stub::Attach, request);
  }
  CriStream ExecWithTerminal(const std::string& container,
                             const std::vector<std::string>& command) {
    cri::ExecRequest request;
    request.set_container_id(container);
    for (const std::string& word : command) request.add_cmd(word);
    request.set_stdin(true);
    request.set_stdout(true);
    request.set_tty(true);
    return Open(&Stub::Exec, request);
  }

 private:
  // A containerd that has just started tells the port 0 until it listens.
  template <typename Method, typename Request>
  CriStream Open(Method method, const Request& request) {
    std::string url;
    EXPECT_TRUE(Eventually([&] {
      url = client().Must(method, request).url();
      return !absl::StrContains(url, ":0/");
    }));
    absl::StatusOr<CriStream> stream = CriStream::Open(url);
    EXPECT_TRUE(stream.ok()) << url << ": " << stream.status();
    return stream.ok() ? *std::move(stream) : CriStream();
  }
};

INSTANTIATE_TEST_SUITE_P(Lanes, CriAttach,
                         Values(Stock(kContainerd16), Stock(kContainerd17),
                                Stock(kContainerd2), Ours(kContainerd16),
                                Ours(kContainerd17), Ours(kContainerd2)),
                         LaneName);

TEST_P(CriAttach, SpeaksWithAContainerAgainAndAgain) {
  const std::string container =
      StartContainer(RunPod("pod"), "cat", {"cat"}, {.stdin = true});
  {
    CriStream first = Attach(container, /*tty=*/false);
    EXPECT_TRUE(first.Write("one\n").ok());
    EXPECT_TRUE(first.AwaitText("one\n")) << first.out();
  }

  CriStream second = Attach(container, /*tty=*/false);
  EXPECT_TRUE(second.Write("two\n").ok());

  EXPECT_TRUE(second.AwaitText("two\n")) << second.out();
  EXPECT_EQ(second.out(), "two\n");
  EXPECT_EQ(Status(container).state(), cri::CONTAINER_RUNNING);
  EXPECT_TRUE(Eventually([&] { return LoggedBy("cat") == "one\ntwo\n"; }))
      << LoggedBy("cat");
}

TEST_P(CriAttach, TellsStderrFromStdout) {
  const std::string container = StartContainer(
      RunPod("pod"), "talks",
      {"sh", "-c", "read line; echo \"$line\"; echo err >&2; read line"},
      {.stdin = true});
  CriStream stream = Attach(container, /*tty=*/false);

  EXPECT_TRUE(stream.Write("out\n").ok());

  EXPECT_TRUE(stream.AwaitText("out\n"));
  EXPECT_TRUE(stream.Write("now end\n").ok());
  (void)stream.AwaitEnd();  // says nothing of an attach
  EXPECT_EQ(stream.out(), "out\n");
  EXPECT_EQ(stream.err(), "err\n");
}

TEST_P(CriAttach, SpeaksWithAContainerAfterADeathOfContainerd) {
  const std::string container =
      StartContainer(RunPod("pod"), "cat", {"cat"}, {.stdin = true});
  CriStream former = Attach(container, /*tty=*/false);
  EXPECT_TRUE(former.Write("before\n").ok());
  EXPECT_TRUE(former.AwaitText("before\n")) << former.out();
  EXPECT_TRUE(Eventually([&] { return LoggedBy("cat") == "before\n"; }));

  RestartDaemon();
  AwaitCri();
  CriStream stream = Attach(container, /*tty=*/false);
  EXPECT_TRUE(stream.Write("after\n").ok());

  EXPECT_TRUE(stream.AwaitText("after\n")) << stream.out();
  EXPECT_EQ(Status(container).state(), cri::CONTAINER_RUNNING);
  EXPECT_TRUE(Eventually([&] { return LoggedBy("cat") == "before\nafter\n"; }))
      << LoggedBy("cat");
}

TEST_P(CriAttach, ClosesTheInputOfOneThatIsSpokenToOnce) {
  const std::string container = StartContainer(
      RunPod("pod"), "cat", {"cat"}, {.stdin = true, .stdin_once = true});
  RestartDaemon();
  AwaitCri();
  {
    CriStream only = Attach(container, /*tty=*/false);
    EXPECT_TRUE(only.Write("once\n").ok());
    EXPECT_TRUE(only.AwaitText("once\n")) << only.out();
  }

  EXPECT_EQ(AwaitExit(container).exit_code(), 0);
  EXPECT_TRUE(Eventually([&] { return LoggedBy("cat") == "once\n"; }))
      << LoggedBy("cat");
}

// A terminal echoes what is typed; `cat` says it again.
TEST_P(CriAttach, SpeaksWithATerminalAfterADeathOfContainerd) {
  const std::string container = StartContainer(RunPod("pod"), "cat", {"cat"},
                                               {.stdin = true, .tty = true});
  CriStream former = Attach(container, /*tty=*/true);
  EXPECT_TRUE(former.Write("before\n").ok());
  EXPECT_TRUE(former.AwaitText("before\r\nbefore\r\n")) << former.out();

  RestartDaemon();
  AwaitCri();
  CriStream stream = Attach(container, /*tty=*/true);
  EXPECT_TRUE(stream.Write("after\n").ok());

  EXPECT_TRUE(stream.AwaitText("after\r\nafter\r\n")) << stream.out();
  EXPECT_EQ(Status(container).state(), cri::CONTAINER_RUNNING);
}

TEST_P(CriAttach, AnExecHasATerminalAndTellsItsCode) {
  const std::string container =
      StartContainer(RunPod("pod"), "sleeps", {"sleep", "1000"});
  RestartDaemon();
  AwaitCri();

  CriStream exec = ExecWithTerminal(
      container, {"sh", "-c", "read line; echo \"$line\"; tty; exit 3"});
  EXPECT_TRUE(exec.Write("hello\n").ok());

  const std::string end = exec.AwaitEnd();
  EXPECT_EQ(exec.out(), "hello\r\nhello\r\n/dev/pts/0\r\n");
  EXPECT_TRUE(absl::StrContains(end, "\"Failure\"")) << end;
  EXPECT_TRUE(
      absl::StrContains(end, "{\"reason\":\"ExitCode\",\"message\":\"3\"}"))
      << end;
}

}  // namespace
}  // namespace holdfast::containerd
