#include "tests/containerd/script.h"

#include <filesystem>
#include <set>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "api/containerd/runc_options.pb.h"
#include "tests/integration/process_watch.h"

namespace holdfast::containerd {
namespace {

// "mount /tmp/…/rootfs" is one of the kind "mount".
std::string Kinds(const std::vector<std::string>& leftovers) {
  std::set<std::string> kinds;
  for (const std::string& leftover : leftovers)
    kinds.insert(leftover.substr(0, leftover.find(' ')));
  return kinds.empty() ? "nothing" : absl::StrJoin(kinds, ", ");
}

}  // namespace

Transcript ScriptTest::Play(const Shim& shim) {
  struct Part {
    const char* name;
    Scenario scenario;
    OciBundleOptions bundle;
  };
  const std::vector<std::string> obedient = {
      "/bin/sh", "-c", "trap 'exit 7' TERM; sleep 1000 & wait"};
  const Part parts[] = {
      {"nothing", &ScriptTest::NothingCreated, {}},
      {"life", &ScriptTest::Life, {.args = obedient}},
      {"paused", &ScriptTest::Paused, {.args = obedient}},
      {"execs", &ScriptTest::Execs, {}},
      {"bad execs", &ScriptTest::BadExecs, {}},
      {"exec io", &ScriptTest::ExecIo, {}},
      {"bad creates", &ScriptTest::BadCreates, {}},
      {"terminal",
       &ScriptTest::Terminal,
       {.args = {"/bin/sh", "-c", "read line; stty size; exit 3"},
        .terminal = true}},
      {"output",
       &ScriptTest::Output,
       {.args = {"/bin/sh", "-c", "cat; echo to stderr >&2; exit 4"}}},
      {"file",
       &ScriptTest::OutputFile,
       {.args = {"/bin/sh", "-c",
                 "echo out; sleep 0.3; echo err >&2; read line || exit 1"}}},
      {"logger",
       &ScriptTest::Logger,
       {.args = {"/bin/sh", "-c", "echo out; echo err >&2"}}},
      {"killed", &ScriptTest::Killed, {}},
      {"out of memory",
       &ScriptTest::OutOfMemory,
       {.args = {"/bin/sh", "-c",
                 "sleep 0.5; dd if=/dev/zero of=/dev/null bs=64M count=1; "
                 "sleep 0.5; exit 5"},
        .memory_limit_bytes = 16 << 20}},
      {"two in one shim", &ScriptTest::TwoInOneShim, {}},
      {"deleted while running", &ScriptTest::DeletedWhileRunning, {}},
      {"deleted after its end",
       &ScriptTest::DeletedAfterItsEnd,
       {.args = {"/bin/sh", "-c", "exit 9"}}},
  };
  Transcript transcript;
  for (const Part& part : parts)
    PlayScenario(shim, part.name, part.scenario, part.bundle, transcript);
  return transcript;
}

void ScriptTest::PlayScenario(const Shim& shim, const std::string& name,
                              Scenario scenario, OciBundleOptions bundle,
                              Transcript& transcript) {
  std::filesystem::remove_all(Scratch("bundles"));
  std::filesystem::remove_all(Scratch("io"));
  std::filesystem::create_directory(Scratch("io"));
  events().Clear();
  shim_ = &shim;
  MakeBundleOf("c1", bundle);
  const std::unique_ptr<TtrpcCaller> caller = StartShim(shim, "c1");
  if (caller != nullptr) {
    Conversation conversation(transcript, name,
                              TaskClient(*caller, shim.task_version), events());
    (this->*scenario)(conversation);
  }
  transcript.Add(name + ": left behind", Kinds(SweepLeftovers()), "");
}

task::CreateTaskRequest ScriptTest::Request(const std::string& id) const {
  return RequestWithRuntime(id, OciRuntimePath("runc"));
}

task::CreateTaskRequest ScriptTest::RequestWithRuntime(
    const std::string& id, const std::string& binary) const {
  task::CreateTaskRequest request;
  request.set_id(id);
  request.set_bundle(BundleOf(id));
  task::Mount& mount = *request.add_rootfs();
  mount.set_type("bind");
  mount.set_source(rootfs());
  mount.add_options("rbind");
  mount.add_options("rw");
  ::containerd::runc::v1::Options options;
  options.set_binary_name(binary);
  options.set_root(runtime_root());
  request.mutable_options()->set_type_url(options.GetTypeName());
  request.mutable_options()->set_value(options.SerializeAsString());
  return request;
}

void ScriptTest::End(Conversation& say) {
  say.ShutdownLast("c1", !shim_->ours);
  say.Note("the shim exits",
           Eventually([this] { return ShimPids().empty(); }, absl::Seconds(5))
               ? "yes"
               : "no");
}

}  // namespace holdfast::containerd
