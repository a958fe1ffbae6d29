#include <signal.h>

#include "tests/containerd/fifos.h"
#include "tests/containerd/script.h"

namespace holdfast::containerd {

void ScriptTest::Execs(Conversation& say) {
  say.Create(Request("c1"));
  say.Exec("c1/e0", OciProcess({"/bin/sh", "-c", "exit 2"}));
  say.Start("c1/e0");
  say.Wait("c1/e0");
  say.Delete("c1/e0");
  say.Start("c1");

  say.Exec("c1/e1", OciProcess({"/bin/sh", "-c", "exit 3"}));
  say.Exec("c1/e1", OciProcess({"/bin/sh", "-c", "exit 4"}));
  say.State("c1/e1");
  say.Kill("c1/e1", SIGTERM);
  say.ResizePty("c1/e1", 80, 24);
  say.CloseIo("c1/e1");
  say.BeginWait("c1/e1");
  say.ExpectPending("c1/e1");
  say.Start("c1/e1");
  say.AwaitPending("c1/e1");
  say.State("c1/e1");
  say.Kill("c1/e1", SIGTERM);
  say.Wait("c1/e1");
  say.ResizePty("c1/e1", 80, 24);
  say.CloseIo("c1/e1");
  say.Delete("c1/e1");
  say.Delete("c1/e1");
  say.State("c1/e1");
  say.Wait("c1/e1");
  say.Start("c1/e1");
  say.Kill("c1/e1", SIGTERM);
  say.ResizePty("c1/e1", 80, 24);
  say.CloseIo("c1/e1");

  say.Exec("c1/e2", OciProcess({"/bin/sleep", "1000"}));
  say.Start("c1/e2");
  say.State("c1/e2");
  say.Pids("c1");
  say.Connect("c1");
  say.Delete("c1/e2");
  say.Kill("c1/e2", 0);
  say.Kill("c1/e2", SIGINT);
  say.Wait("c1/e2");
  say.State("c1/e2");
  say.Delete("c1/e2");
  // An exec's id may be used again.
  say.Exec("c1/e2", OciProcess({"/bin/true"}));
  say.Start("c1/e2");
  say.Wait("c1/e2");
  say.Delete("c1/e2");

  say.Kill("c1", SIGKILL);
  say.Wait("c1");
  say.Delete("c1");
  say.NoteEvents("/tasks/delete", "c1");
  End(say);
}

void ScriptTest::BadExecs(Conversation& say) {
  say.Create(Request("c1"));
  say.Start("c1");
  say.Exec("c1/e1", OciProcess({"/no/such/program"}));
  say.Start("c1/e1");
  say.State("c1/e1");
  say.Wait("c1/e1");
  say.Kill("c1/e1", SIGTERM);
  say.Delete("c1/e1");
  say.Exec("c1/e2", "no json", {}, "with no JSON");
  say.State("c1/e2");
  say.Start("c1/e2");
  say.Exec("c1/e4", OciProcess({"/bin/true"}));
  say.Delete("c1/e4");
  say.State("c1/e4");
  say.Exec("c1/..", OciProcess({"/bin/true"}));
  say.Exec("c1/c1", OciProcess({"/bin/true"}));
  task::ExecProcessRequest nowhere;
  nowhere.set_stdout(Scratch("io/no-such-fifo"));
  say.Exec("c1/e5", OciProcess({"/bin/echo", "hello"}), nowhere,
           "to a FIFO that is not there");
  say.Start("c1/e5");
  say.State("c1/e5");
  say.Delete("c1/e5");
  say.State("c1");
  say.Kill("c1", SIGKILL);
  say.Wait("c1");
  say.Delete("c1");
  say.NoteEvents("/tasks/delete", "c1");
  End(say);
}

void ScriptTest::ExecIo(Conversation& say) {
  say.Create(Request("c1"));
  say.Start("c1");

  InputFifo in(Scratch("io/e1-in"));
  OutputFifo out(Scratch("io/e1-out"));
  OutputFifo err(Scratch("io/e1-err"));
  task::ExecProcessRequest io;
  io.set_stdin(in.path());
  io.set_stdout(out.path());
  io.set_stderr(err.path());
  say.Exec("c1/e1", OciProcess({"/bin/sh", "-c", "cat; echo err >&2"}), io);
  say.Start("c1/e1");
  say.State("c1/e1");
  in.Write("through cat\n");
  say.Note("e1 echoes", out.AwaitText("through cat\n") ? "yes" : "no");
  in.Close();
  say.CloseIo("c1/e1");
  say.Wait("c1/e1");
  say.Delete("c1/e1");
  say.Note("stdout of e1", out.AwaitEnd());
  say.Note("stderr of e1", err.AwaitEnd());

  InputFifo tty_in(Scratch("io/e2-in"));
  OutputFifo tty_out(Scratch("io/e2-out"));
  task::ExecProcessRequest tty;
  tty.set_terminal(true);
  tty.set_stdin(tty_in.path());
  tty.set_stdout(tty_out.path());
  say.Exec("c1/e2", OciProcess({"/bin/sh", "-c", "read line; stty size"}, true),
           tty);
  say.Start("c1/e2");
  say.State("c1/e2");
  say.ResizePty("c1/e2", 132, 43);
  tty_in.Write("go\n");
  say.Wait("c1/e2");
  say.Delete("c1/e2");
  say.Note("terminal of e2", tty_out.AwaitEnd());

  say.Kill("c1", SIGKILL);
  say.Wait("c1");
  say.Delete("c1");
  say.NoteEvents("/tasks/delete", "c1");
  End(say);
}

}  // namespace holdfast::containerd
