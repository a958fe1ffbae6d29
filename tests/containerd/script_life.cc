#include <signal.h>

#include "tests/containerd/script.h"
#include "tests/integration/process_watch.h"

namespace holdfast::containerd {

void ScriptTest::NothingCreated(Conversation& say) {
  say.State("c1");
  say.State("c1/e1");
  say.Connect("c1");
  say.Connect("other");
  say.Pids("c1");
  say.Stats("c1");
  say.Start("c1");
  say.Delete("c1");
  say.Delete("c1/e1");
  say.Kill("c1", SIGKILL);
  say.Kill("c1", SIGKILL, true);
  say.Wait("c1");
  say.Pause("c1");
  say.Resume("c1");
  say.Exec("c1/e1", OciProcess({"/bin/true"}));
  say.ResizePty("c1", 80, 24);
  say.CloseIo("c1");
  say.Update("c1", "{}");
  say.Checkpoint("c1", Scratch("io"));
  say.Ask("containerd.task.v2.Task", "Bogus");
  say.Ask("no.such.Service", "State");
  End(say);
}

void ScriptTest::Life(Conversation& say) {
  say.Create(Request("c1"));
  say.State("c1");
  say.Create(Request("c1"));
  say.State("c1");
  say.Connect("c1");
  say.Pids("c1");
  say.Stats("c1");
  say.BeginWait("c1");
  say.Pause("c1");
  say.Resume("c1");
  say.Checkpoint("c1", Scratch("io"));
  say.Update("c1", R"({"memory":{"limit":134217728}})");
  say.ExpectPending("c1");

  say.Start("c1");
  AwaitChildOf(say.pid("c1"));
  say.State("c1");
  say.Start("c1");
  say.Delete("c1");
  say.Resume("c1");
  say.ResizePty("c1", 80, 24);
  say.CloseIo("c1");
  say.Stats("c1");
  say.Update("c1", R"({"memory":{"limit":268435456}})");
  say.Update("c1", "no json");
  say.Kill("c1", 0);
  say.Kill("c1", 99);
  say.Pids("c1");
  say.Shutdown("c1");
  say.ExpectPending("c1");

  say.Kill("c1", SIGTERM);
  say.AwaitPending("c1");
  say.State("c1");
  say.Pids("c1");
  say.Stats("c1");
  say.Connect("c1");
  say.Wait("c1");
  say.Kill("c1", SIGTERM);
  say.Kill("c1", SIGKILL, true);
  say.Pause("c1");
  say.Resume("c1");
  say.Exec("c1/e1", OciProcess({"/bin/true"}));
  say.Update("c1", R"({"memory":{"limit":134217728}})");
  say.Start("c1");
  say.Checkpoint("c1", Scratch("io"));
  say.ResizePty("c1", 80, 24);
  say.CloseIo("c1");

  say.Delete("c1");
  say.Delete("c1");
  say.State("c1");
  say.Pids("c1");
  say.Stats("c1");
  say.Kill("c1", SIGTERM);
  say.Wait("c1");
  say.Connect("c1");
  say.NoteEvents("/tasks/delete", "c1");
  End(say);
}

void ScriptTest::Paused(Conversation& say) {
  say.Create(Request("c1"));
  say.Start("c1");
  AwaitChildOf(say.pid("c1"));
  say.BeginWait("c1");
  say.Exec("c1/e1", OciProcess({"/bin/true"}));
  say.Pause("c1");
  say.State("c1");
  say.Pause("c1");
  say.Exec("c1/e2", OciProcess({"/bin/true"}));
  say.Delete("c1");
  say.Stats("c1");
  say.Pids("c1");
  say.Connect("c1");
  say.Update("c1", R"({"memory":{"limit":134217728}})");
  say.Start("c1");
  say.Kill("c1", SIGTERM);
  say.ExpectPending("c1");
  say.State("c1");
  say.Resume("c1");
  say.AwaitPending("c1");
  say.State("c1");
  say.State("c1/e1");
  say.Delete("c1");
  say.NoteEvents("/tasks/delete", "c1");
  End(say);
}

void ScriptTest::Killed(Conversation& say) {
  say.Create(Request("c1"));
  say.Start("c1");
  say.Exec("c1/e1", OciProcess({"/bin/sleep", "1000"}));
  say.Start("c1/e1");
  say.Kill("c1", SIGKILL, true);
  say.Wait("c1");
  say.Wait("c1/e1");
  say.State("c1");
  say.State("c1/e1");
  say.Delete("c1/e1");
  say.Delete("c1");
  End(say);
}

void ScriptTest::OutOfMemory(Conversation& say) {
  say.Create(Request("c1"));
  say.Start("c1");
  say.Wait("c1");
  say.State("c1");
  say.Stats("c1");
  say.Delete("c1");
  say.NoteEvents("/tasks/delete", "c1");
  End(say);
}

void ScriptTest::TwoInOneShim(Conversation& say) {
  MakeBundleOf("c2");
  say.Create(Request("c1"));
  say.Create(Request("c2"));
  say.Start("c2");
  say.Start("c1");
  say.Connect("c2");
  say.Pids("c2");
  say.Exec("c2/e1", OciProcess({"/bin/sh", "-c", "exit 6"}));
  say.State("c1/e1");
  say.Start("c2/e1");
  say.Wait("c2/e1");
  say.Kill("c1", SIGKILL);
  say.Wait("c1");
  say.Delete("c1");
  say.Shutdown("c1");
  say.State("c1");
  say.State("c2");
  say.Kill("c2", SIGKILL);
  say.Wait("c2");
  say.Delete("c2");
  say.NoteEvents("/tasks/delete", "c2");
  End(say);
}

}  // namespace holdfast::containerd
