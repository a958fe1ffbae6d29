#include "shim/containerd/oci_runtime.h"

#include <algorithm>
#include <initializer_list>
#include <utility>

#include "absl/strings/str_cat.h"
#include "shim/containerd/oci_command.h"

namespace holdfast::containerd {
namespace {

using Words = std::vector<std::string>;

void Append(Words& words, std::initializer_list<std::string> more) {
  words.insert(words.end(), more);
}
// An option that is left out when it has no value.
void AppendOption(Words& words, const char* name, const std::string& value) {
  if (!value.empty()) Append(words, {name, value});
}
void AppendFlag(Words& words, const char* name, bool wanted) {
  if (wanted) words.emplace_back(name);
}

}  // namespace

OciRuntime::OciRuntime(EventLoop& loop, Children& children, Options options)
    : loop_(loop), children_(children), options_(std::move(options)) {}

OciRuntime::~OciRuntime() = default;

OciCommand& OciRuntime::Add(std::string name, const std::string& id) {
  commands_.push_back(std::make_unique<OciCommand>(loop_, children_, options_,
                                                   std::move(name), id));
  return *commands_.back();
}

std::unique_ptr<OciCommand> OciRuntime::Take(const OciCommand& command) {
  const auto found =
      std::find_if(commands_.begin(), commands_.end(),
                   [&](const auto& owned) { return owned.get() == &command; });
  std::unique_ptr<OciCommand> taken = std::move(*found);
  commands_.erase(found);
  return taken;
}

void OciRuntime::RunForPid(OciCommand& command, const Words& words,
                           const StdioFds& stdio, DoneWithPid done) {
  command.Start(words, &stdio, "",
                [this, &command, done = std::move(done)](absl::Status status) {
                  // Until its end the exit of what it made is kept.
                  const std::unique_ptr<OciCommand> taken = Take(command);
                  if (!status.ok()) return done(std::move(status));
                  done(taken->ReadPidFile());
                });
}

void OciRuntime::RunPlain(const Words& words, const std::string& id,
                          absl::string_view input, Done done) {
  OciCommand& command = Add(words.front(), id);
  command.Start(words, nullptr, input,
                [this, &command, done = std::move(done)](absl::Status status) {
                  const std::unique_ptr<OciCommand> taken = Take(command);
                  done(std::move(status));
                });
}

void OciRuntime::Run(const Create& create, DoneWithPid done) {
  OciCommand& command = Add("create", create.id);
  Words words = {"create", "--bundle", create.bundle, "--pid-file",
                 command.pid_file()};
  AppendOption(words, "--console-socket", create.console_socket);
  AppendFlag(words, "--no-pivot", create.no_pivot_root);
  AppendFlag(words, "--no-new-keyring", create.no_new_keyring);
  words.push_back(create.id);
  RunForPid(command, words, create.stdio, std::move(done));
}

void OciRuntime::Run(const Restore& restore, DoneWithPid done) {
  OciCommand& command = Add("restore", restore.id);
  Words words = {"restore", "--image-path", restore.image_path};
  AppendOption(words, "--work-path", restore.work_path);
  words.insert(words.end(), restore.criu_flags.begin(),
               restore.criu_flags.end());
  Append(words, {"--detach", "--no-subreaper", "--bundle", restore.bundle,
                 "--pid-file", command.pid_file()});
  AppendOption(words, "--console-socket", restore.console_socket);
  AppendFlag(words, "--no-pivot", restore.no_pivot_root);
  words.push_back(restore.id);
  RunForPid(command, words, restore.stdio, std::move(done));
}

void OciRuntime::Run(const Exec& exec, DoneWithPid done) {
  OciCommand& command = Add("exec", exec.id);
  Words words = {"exec", "--process", exec.process_file, "--pid-file",
                 command.pid_file()};
  AppendOption(words, "--console-socket", exec.console_socket);
  Append(words, {"--detach", exec.id});
  RunForPid(command, words, exec.stdio, std::move(done));
}

void OciRuntime::Run(const Checkpoint& checkpoint, Done done) {
  Words words = {"checkpoint", "--image-path", checkpoint.image_path};
  AppendOption(words, "--work-path", checkpoint.work_path);
  AppendOption(words, "--parent-path", checkpoint.parent_path);
  AppendFlag(words, "--leave-running", !checkpoint.exit);
  words.insert(words.end(), checkpoint.criu_flags.begin(),
               checkpoint.criu_flags.end());
  words.push_back(checkpoint.id);
  RunPlain(words, checkpoint.id, "", std::move(done));
}

void OciRuntime::Start(const std::string& id, Done done) {
  RunPlain({"start", id}, id, "", std::move(done));
}

void OciRuntime::Delete(const std::string& id, bool force, Done done) {
  Words words = {"delete"};
  AppendFlag(words, "--force", force);
  words.push_back(id);
  RunPlain(words, id, "", std::move(done));
}

void OciRuntime::Kill(const std::string& id, int signal, bool all, Done done) {
  Words words = {"kill"};
  AppendFlag(words, "--all", all);
  Append(words, {id, absl::StrCat(signal)});
  RunPlain(words, id, "", std::move(done));
}

void OciRuntime::Pause(const std::string& id, Done done) {
  RunPlain({"pause", id}, id, "", std::move(done));
}

void OciRuntime::Resume(const std::string& id, Done done) {
  RunPlain({"resume", id}, id, "", std::move(done));
}

void OciRuntime::Update(const std::string& id, const std::string& resources,
                        Done done) {
  RunPlain({"update", "--resources", "-", id}, id, resources, std::move(done));
}

}  // namespace holdfast::containerd
