#include "shim/containerd/oci_runtime.h"

#include <signal.h>
#include <sys/wait.h>

#include "tests/shim/containerd/oci_runtime_fixture.h"

namespace holdfast::containerd {
namespace {

using testing::HasSubstr;

TEST_P(OciRuntimeTest, RunsAContainerFromCreateToDelete) {
  MakeBundle({.args = {"sh", "-c", "echo out; echo err >&2; exit 7"}});
  const UniqueFd out = OpenOutput("out");
  const UniqueFd err = OpenOutput("err");

  const absl::StatusOr<pid_t> pid =
      Create({.in = -1, .out = out.get(), .err = err.get()});
  ASSERT_TRUE(pid.ok()) << pid.status();
  EXPECT_EQ(OutputIn("out"), "");
  const absl::Status started = Start();

  EXPECT_TRUE(started.ok()) << started;
  ASSERT_TRUE(HasExited(*pid));
  EXPECT_EQ(exits_[*pid].status(), 7u);
  EXPECT_EQ(OutputIn("out"), "out\n");
  EXPECT_EQ(OutputIn("err"), "err\n");
  EXPECT_TRUE(Delete().ok());
  EXPECT_TRUE(absl::IsNotFound(Delete())) << Delete();
  EXPECT_TRUE(Delete(/*force=*/true).ok());
}

TEST_P(OciRuntimeTest, GivesTheContainerItsStdinAndNothingElse) {
  MakeBundle({.args = {"sh", "-c", "cat; ls /proc/self/fd"}});
  const UniqueFd in = OpenOutput("in");
  ASSERT_EQ(pwrite(in.get(), "hello\n", 6, 0), 6);
  const UniqueFd out = OpenOutput("out");

  const absl::StatusOr<pid_t> pid =
      Create({.in = in.get(), .out = out.get(), .err = -1});
  ASSERT_TRUE(pid.ok()) << pid.status();
  ASSERT_TRUE(Start().ok());

  ASSERT_TRUE(HasExited(*pid));
  EXPECT_EQ(OutputIn("out"), "hello\n0\n1\n2\n3\n");  // 3 is ls's own
}

TEST_P(OciRuntimeTest, SaysWhichProgramOfAContainerIsNotThere) {
  MakeBundle({.args = {"nonesuch"}});

  const absl::StatusOr<pid_t> pid = Create();

  EXPECT_EQ(pid.status().code(), absl::StatusCode::kUnknown);
  EXPECT_THAT(std::string(pid.status().message()),
              testing::AllOf(testing::StartsWith("OCI runtime create failed: "),
                             HasSubstr("nonesuch"), HasSubstr("not found")));
}

TEST_P(OciRuntimeTest, RefusesAnIdThatIsTaken) {
  ASSERT_TRUE(Create().ok());

  const absl::StatusOr<pid_t> again = Create();

  EXPECT_EQ(again.status().code(), absl::StatusCode::kUnknown);
  EXPECT_THAT(std::string(again.status().message()), HasSubstr("exists"));
}

TEST_P(OciRuntimeTest, SaysWhatIsWrongWithABundle) {
  MakeBundle({});
  ASSERT_EQ(unlink((bundle_->path() + "/config.json").c_str()), 0);

  const absl::StatusOr<pid_t> pid = Create();

  EXPECT_EQ(pid.status().code(), absl::StatusCode::kUnknown);
  EXPECT_THAT(std::string(pid.status().message()), HasSubstr("config.json"));
}

TEST_P(OciRuntimeTest, ExecutesMoreInAContainer) {
  ASSERT_TRUE(Create().ok());
  ASSERT_TRUE(Start().ok());
  const UniqueFd out = OpenOutput("out");

  const absl::StatusOr<pid_t> pid =
      Exec({"sh", "-c", "echo more; exit 3"},
           {.in = -1, .out = out.get(), .err = -1});

  ASSERT_TRUE(pid.ok()) << pid.status();
  ASSERT_TRUE(HasExited(*pid));
  EXPECT_EQ(exits_[*pid].status(), 3u);
  EXPECT_EQ(OutputIn("out"), "more\n");
}

TEST_P(OciRuntimeTest, SaysWhichProgramOfAnExecIsNotThere) {
  ASSERT_TRUE(Create().ok());
  ASSERT_TRUE(Start().ok());

  const absl::StatusOr<pid_t> pid = Exec({"nonesuch"});

  EXPECT_EQ(pid.status().code(), absl::StatusCode::kUnknown);
  EXPECT_THAT(std::string(pid.status().message()),
              testing::AllOf(testing::StartsWith("OCI runtime exec failed: "),
                             HasSubstr("nonesuch")));
}

// Each of them may be over before the command that made it.
TEST_P(OciRuntimeTest, IsToldOfManyExecsThatEndAtOnce) {
  ASSERT_TRUE(Create().ok());
  ASSERT_TRUE(Start().ok());
  std::vector<pid_t> pids;
  const std::string file = scratch_ / "process.json";
  ASSERT_TRUE(Exec({"true"}).ok());  // and the file is there

  for (int i = 0; i < 12; ++i) {
    runtime_->Run(
        OciRuntime::Exec{
            .id = kId, .process_file = file, .stdio = {}, .console_socket = ""},
        [&](absl::StatusOr<pid_t> pid) {
          ASSERT_TRUE(pid.ok()) << pid.status();
          pids.push_back(*pid);
          AwaitExit(*pid);
        });
  }

  ASSERT_TRUE(RunUntil([&] { return pids.size() == 12; }));
  for (const pid_t pid : pids) EXPECT_TRUE(HasExited(pid));
}

TEST_P(OciRuntimeTest, KillsAndSaysWhatHasEnded) {
  const absl::StatusOr<pid_t> pid = Create();
  ASSERT_TRUE(pid.ok()) << pid.status();
  ASSERT_TRUE(Start().ok());

  const absl::Status killed = Kill(SIGKILL);

  EXPECT_TRUE(killed.ok()) << killed;
  ASSERT_TRUE(HasExited(*pid));
  EXPECT_EQ(exits_[*pid].status(), 137u);
  const absl::Status again = Kill(SIGTERM);
  EXPECT_TRUE(absl::IsNotFound(again)) << again;
  EXPECT_EQ(again.message(), "process already finished");
  const absl::Status all = Kill(SIGKILL, /*all=*/true);
  EXPECT_TRUE(all.ok()) << all;
  EXPECT_TRUE(Delete().ok());
  const absl::Status gone = Kill(SIGKILL);
  EXPECT_TRUE(absl::IsNotFound(gone)) << gone;
  EXPECT_EQ(gone.message(), "no such container");
}

TEST_P(OciRuntimeTest, PausesAndResumes) {
  MakeBundle({.args = {"sh", "-c", "while :; do echo x; sleep 0.01; done"}});
  const UniqueFd out = OpenOutput("out");
  ASSERT_TRUE(Create({.in = -1, .out = out.get(), .err = -1}).ok());
  ASSERT_TRUE(Start().ok());
  ASSERT_TRUE(RunUntil([&] { return OutputIn("out").size() > 4; }));

  ASSERT_TRUE(Pause().ok());

  const size_t before = OutputIn("out").size();
  EXPECT_FALSE(RunUntil([&] { return OutputIn("out").size() != before; },
                        absl::Milliseconds(200)));
  ASSERT_TRUE(Resume().ok());
  EXPECT_TRUE(RunUntil([&] { return OutputIn("out").size() > before; }));
}

TEST_P(OciRuntimeTest, RefusesWhatAStateDoesNotAllow) {
  ASSERT_TRUE(Create().ok());
  ASSERT_TRUE(Start().ok());

  const absl::Status started = Start();
  EXPECT_EQ(started.code(), absl::StatusCode::kUnknown) << started;
  const absl::Status deleted = Delete();
  EXPECT_EQ(deleted.code(), absl::StatusCode::kUnknown) << deleted;
}

TEST_P(OciRuntimeTest, ChangesLimits) {
  ASSERT_TRUE(Create().ok());
  ASSERT_TRUE(Start().ok());

  const absl::Status updated = Update(R"({"pids":{"limit":77}})");

  EXPECT_TRUE(updated.ok()) << updated;
  std::string limit;
  for (const std::string& group : bundle_->Cgroups()) {
    limit += ReadSmallFile(group + "/pids.max").value_or("");
  }
  EXPECT_EQ(limit, "77\n");
  EXPECT_EQ(Update("not JSON").code(), absl::StatusCode::kUnknown);
}

TEST_P(OciRuntimeTest, DeletesARunningContainerByForce) {
  const absl::StatusOr<pid_t> pid = Create();
  ASSERT_TRUE(pid.ok()) << pid.status();
  ASSERT_TRUE(Start().ok());

  EXPECT_TRUE(Delete(/*force=*/true).ok());

  ASSERT_TRUE(HasExited(*pid));
  EXPECT_EQ(exits_[*pid].status(), 137u);
}

TEST_P(OciRuntimeTest, KillsTheCommandsThatRunAtItsEnd) {
  MakeBundle({});
  OciRuntime::Create create;
  create.id = kId;
  create.bundle = bundle_->path();
  const OciRuntime::Options options = runtime_->options();
  bool called = false;
  runtime_->Run(create, [&](const absl::StatusOr<pid_t>&) { called = true; });

  runtime_ = nullptr;

  // Whom the command left comes to us, and dies by itself.
  EXPECT_TRUE(RunUntil([] {
    siginfo_t none;
    return waitid(P_ALL, 0, &none, WEXITED | WNOHANG | WNOWAIT) != 0;
  }));
  EXPECT_FALSE(called);
  bundle_ = nullptr;  // the runtime may not know of the groups that it made
  runtime_ = std::make_unique<OciRuntime>(*loop_, *children_, options);
}

INSTANTIATE_TEST_SUITE_P(Runtimes, OciRuntimeTest,
                         testing::Values("crun", "runc"),
                         [](const auto& test) { return test.param; });

class MissingRuntimeTest : public SubreaperTest {};

TEST_F(MissingRuntimeTest, IsNamed) {
  TemporaryDirectory scratch;
  OciRuntime runtime(*loop_, *children_,
                     {.binary = "nonesuch-runtime",
                      .root = "",
                      .systemd_cgroup = false,
                      .log_directory = scratch.path()});
  std::optional<absl::Status> status;

  runtime.Start("c1", [&](absl::Status started) { status = started; });

  EXPECT_FALSE(status.has_value()) << "called back before the loop turned";
  ASSERT_TRUE(RunUntil([&] { return status.has_value(); }));
  EXPECT_EQ(*status,
            absl::UnknownError("OCI runtime start failed: exec: "
                               "\"nonesuch-runtime\": executable file not "
                               "found in $PATH"));
}

}  // namespace
}  // namespace holdfast::containerd
