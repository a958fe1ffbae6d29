#pragma once

#include <memory>
#include <string>

#include "tests/containerd/conversation.h"
#include "tests/containerd/shim_fixture.h"
#include "tests/containerd/transcript.h"

namespace holdfast::containerd {

// One script of calls, awkward ones among them, that is played to any shim. A
// scenario has a shim of its own and ends with its exit. Scenarios:
// script_*.cc.
class ScriptTest : public ShimTest {
 protected:
  // Every scenario, in order.
  Transcript Play(const Shim& shim);

  // Of container `id`, with busybox, runc, and no output.
  task::CreateTaskRequest Request(const std::string& id) const;
  task::CreateTaskRequest RequestWithRuntime(const std::string& id,
                                             const std::string& binary) const;

 private:
  using Scenario = void (ScriptTest::*)(Conversation& say);

  void PlayScenario(const Shim& shim, const std::string& name,
                    Scenario scenario, OciBundleOptions bundle,
                    Transcript& transcript);

  void NothingCreated(Conversation& say);
  void Life(Conversation& say);
  void Paused(Conversation& say);
  void Execs(Conversation& say);
  void BadExecs(Conversation& say);
  void ExecIo(Conversation& say);
  void BadCreates(Conversation& say);
  void Terminal(Conversation& say);
  void Output(Conversation& say);
  void OutputFile(Conversation& say);
  void Logger(Conversation& say);
  void Killed(Conversation& say);
  void OutOfMemory(Conversation& say);
  void TwoInOneShim(Conversation& say);
  void DeletedWhileRunning(Conversation& say);
  void DeletedAfterItsEnd(Conversation& say);
  void DeleteByCommand(Conversation& say);

  // Shutdown, and that the shim goes.
  void End(Conversation& say);

  const Shim* shim_ = nullptr;
};

}  // namespace holdfast::containerd
