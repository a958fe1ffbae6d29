#include <signal.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "api/containerd/task.pb.h"
#include "base/files.h"
#include "tests/containerd/fifos.h"
#include "tests/containerd/leftovers.h"
#include "tests/containerd/script.h"
#include "tests/integration/process_watch.h"

namespace holdfast::containerd {

void ScriptTest::BadCreates(Conversation& say) {
  const auto try_create = [&](const task::CreateTaskRequest& request,
                              const std::string& what) {
    say.Create(request, what);
    say.State(request.id());
    say.Note("mounts after " + what,
             MountsBelow(BundleOf(request.id())).empty() ? "none" : "some");
  };
  try_create(Request("b1"), "without a bundle");

  MakeBundleOf("b2");
  std::filesystem::remove(BundleOf("b2") + "/config.json");
  try_create(Request("b2"), "without config.json");

  MakeBundleOf("b3");
  std::ofstream(BundleOf("b3") + "/config.json") << "no json";
  try_create(Request("b3"), "with a config.json that is no JSON");

  MakeBundleOf("b4");
  try_create(RequestWithRuntime("b4", "/no/such/runtime"),
             "with a runtime that is not there");

  MakeBundleOf("b5");
  task::CreateTaskRequest unknown_options = Request("b5");
  unknown_options.mutable_options()->set_type_url("no.such.Options");
  try_create(unknown_options, "with options of an unknown type");

  MakeBundleOf("b6");
  task::CreateTaskRequest garbage = Request("b6");
  garbage.mutable_options()->set_value("\xff\xff\xff");
  try_create(garbage, "with options that are garbage");

  MakeBundleOf("b7", {.args = {"/no/such/program"}});
  try_create(Request("b7"), "of a program that is not there");

  MakeBundleOf("b8");
  task::CreateTaskRequest bad_mount = Request("b8");
  bad_mount.mutable_rootfs(0)->set_source(Scratch("no-such-directory"));
  try_create(bad_mount, "with a root file system that is not there");

  MakeBundleOf("b9");
  task::CreateTaskRequest bad_fifo = Request("b9");
  bad_fifo.set_stdout(Scratch("io/no-such-fifo"));
  try_create(bad_fifo, "to a FIFO that is not there");
  say.Delete("b9");

  MakeBundleOf("b10");
  task::CreateTaskRequest bad_scheme = Request("b10");
  bad_scheme.set_stdout("gopher://somewhere");
  try_create(bad_scheme, "with an output of an unknown scheme");

  // The shim is none the worse for it.
  say.Create(Request("c1"));
  say.Start("c1");
  say.Kill("c1", SIGKILL);
  say.Wait("c1");
  say.Delete("c1");
  say.NoteEvents("/tasks/delete", "c1");
  End(say);
}

void ScriptTest::Terminal(Conversation& say) {
  InputFifo in(Scratch("io/in"));
  OutputFifo out(Scratch("io/out"));
  task::CreateTaskRequest request = Request("c1");
  request.set_terminal(true);
  request.set_stdin(in.path());
  request.set_stdout(out.path());
  say.Create(request);
  say.State("c1");
  say.ResizePty("c1", 100, 40);
  say.Start("c1");
  in.Write("go\n");
  say.Wait("c1");
  say.ResizePty("c1", 100, 40);
  say.State("c1");
  say.Delete("c1");
  say.Note("terminal", out.AwaitEnd());
  say.NoteEvents("/tasks/delete", "c1");
  End(say);
}

void ScriptTest::Output(Conversation& say) {
  InputFifo in(Scratch("io/in"));
  OutputFifo out(Scratch("io/out"));
  OutputFifo err(Scratch("io/err"));
  task::CreateTaskRequest request = Request("c1");
  request.set_stdin(in.path());
  request.set_stdout(out.path());
  request.set_stderr(err.path());
  say.Create(request);
  say.Start("c1");
  say.State("c1");
  in.Write("a line\n");
  say.Note("stdout comes", out.AwaitText("a line\n") ? "yes" : "no");
  in.Close();
  say.CloseIo("c1");
  say.CloseIo("c1");
  say.Wait("c1");
  say.Delete("c1");
  say.Note("stdout", out.AwaitEnd());
  say.Note("stderr", err.AwaitEnd());
  End(say);
}

void ScriptTest::OutputFile(Conversation& say) {
  const std::string path = Scratch("io/both");
  std::ofstream(path) << "what was there\n";
  task::CreateTaskRequest request = Request("c1");
  InputFifo in(Scratch("io/in"));
  request.set_stdin(in.path());
  request.set_stdout("file://" + path);
  request.set_stderr("file://" + path);
  say.Create(request);
  say.Start("c1");
  // A stock shim may lose what it has not copied when the first of both ends.
  (void)Eventually(
      [&] {
        return absl::StrContains(ReadSmallFile(path).value_or(""), "err\n");
      },
      absl::Seconds(20));
  in.Write("go\n");
  say.Wait("c1");
  say.Delete("c1");
  say.Note("the file", ReadSmallFile(path).value_or("none"));
  End(say);
}

// A logger gets both outputs as descriptors 3 and 4, and closes 5 when it is
// ready; its arguments are those of the query.
void ScriptTest::Logger(Conversation& say) {
  const std::string program = Scratch("logger");
  const std::string logged = Scratch("io/logged");
  std::ofstream(program) << "#!/bin/sh\nexec 5>&-\n"
                         << "echo \"$CONTAINER_ID $*\" >" << logged << "\n"
                         << "cat <&3 >" << logged << ".out &\n"
                         << "cat <&4 >" << logged << ".err\nwait\n";
  chmod(program.c_str(), 0700);
  task::CreateTaskRequest request = Request("c1");
  request.set_stdout("binary://" + program + "?key=value");
  request.set_stderr("binary://" + program + "?key=value");
  say.Create(request);
  say.Start("c1");
  say.Wait("c1");
  say.Delete("c1");
  for (const char* file : {"", ".out", ".err"}) {
    std::string content;
    (void)Eventually(
        [&] {
          content = ReadSmallFile(logged + file).value_or("");
          return !content.empty();
        },
        absl::Seconds(2));
    say.Note(absl::StrCat("logged", file), content);
  }
  End(say);
}

// The shim is gone, and containerd asks its program to clean up.
void ScriptTest::DeleteByCommand(Conversation& say) {
  KillAll(ShimPids());
  const CommandResult deleted = RunShim(*shim_, "c1", "delete");
  task::DeleteResponse answer;
  const bool parsed = answer.ParseFromString(deleted.out);
  say.Note(
      "delete",
      absl::StrCat(
          "exited ", deleted.exit_code, parsed ? ", status " : ", no answer ",
          answer.exit_status(),
          answer.exited_at().seconds() > 0 ? " at a time" : " at no time",
          static_cast<pid_t>(answer.pid()) == say.pid("c1") ? ", its pid"
                                                            : ", another pid"));
}

void ScriptTest::DeletedWhileRunning(Conversation& say) {
  say.Create(Request("c1"));
  say.Start("c1");
  DeleteByCommand(say);
}

void ScriptTest::DeletedAfterItsEnd(Conversation& say) {
  say.Create(Request("c1"));
  say.Start("c1");
  say.Wait("c1");
  DeleteByCommand(say);
}

}  // namespace holdfast::containerd
