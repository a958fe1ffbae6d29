#pragma once

#include <sys/types.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "base/event_loop.h"
#include "base/pidfd.h"
#include "shim/containerd/children.h"

namespace holdfast::containerd {

// The three descriptors that a command of the runtime gives to the process
// that it makes; -1: /dev/null. Borrowed.
struct StdioFds {
  int in = -1;
  int out = -1;
  int err = -1;
};

class OciCommand;

// The OCI runtime (crun, runc or what else has their command line), run as one
// command after another. Nothing here blocks: `done` comes from the loop. An
// error has the runtime's own last words ("exec failed: … no such file or
// directory") and is Unknown, as containerd's clients expect of what a runtime
// says, unless it is told below. Commands die with the shim (PDEATHSIG).
//
// crun's own checks are fewer than runc's: it pauses what is paused, resumes
// what runs, and signals what has ended, and it is OK. Who wants errors there
// knows the state.
class OciRuntime {
 public:
  struct Options {
    std::string binary;  // a path, or a name that is looked up in PATH
    std::string root;    // where it keeps its state; empty: its default
    bool systemd_cgroup = false;
    std::string log_directory;  // its log goes there; it is read for errors
  };
  using Done = std::function<void(absl::Status)>;
  using DoneWithPid = std::function<void(absl::StatusOr<pid_t>)>;

  OciRuntime(EventLoop& loop, Children& children, Options options);
  // Commands that run are killed and reaped; nothing is called back. What they
  // had made so far stays, until Delete with `force`.
  ~OciRuntime();

  struct Create {
    std::string id;
    std::string bundle;
    StdioFds stdio;
    std::string console_socket;  // a terminal: where its master is sent
    bool no_pivot_root = false;
    bool no_new_keyring = false;
  };
  // The pid of the container's init, which waits for Start and is our child.
  // Here and below: whoever awaits it (Children) within `done` is told, also if
  // it has ended already.
  void Run(const Create& create, DoneWithPid done);

  // From a CRIU image, at once running.
  struct Restore : Create {
    std::string image_path;
    std::string work_path;
    std::vector<std::string> criu_flags;  // "--tcp-established" …
  };
  void Run(const Restore& restore, DoneWithPid done);

  struct Exec {
    std::string id;
    std::string process_file;  // JSON of OCI's Process
    StdioFds stdio;
    std::string console_socket;
  };
  // The pid of the new process, which is our child.
  void Run(const Exec& exec, DoneWithPid done);

  struct Checkpoint {
    std::string id;
    std::string image_path;
    std::string work_path;
    std::string parent_path;
    bool exit = false;  // else it goes on running
    std::vector<std::string> criu_flags;
  };
  void Run(const Checkpoint& checkpoint, Done done);

  void Start(const std::string& id, Done done);
  // `force`: also one that runs, which is killed, and OK where there is none.
  // NotFound: there is none.
  void Delete(const std::string& id, bool force, Done done);
  // NotFound "process already finished": it has ended; "no such container".
  void Kill(const std::string& id, int signal, bool all, Done done);
  void Pause(const std::string& id, Done done);
  void Resume(const std::string& id, Done done);
  // `resources`: JSON of OCI's LinuxResources.
  void Update(const std::string& id, const std::string& resources, Done done);

  const Options& options() const { return options_; }

  // One command, whole, for the short-lived programs (`delete`, `-info`): waits
  // at most `timeout` and returns its standard output.
  static absl::StatusOr<std::string> RunToEnd(
      const Options& options, const std::vector<std::string>& arguments,
      absl::Duration timeout);

 private:
  OciCommand& Add(std::string name, const std::string& id);
  std::unique_ptr<OciCommand> Take(const OciCommand& command);
  void RunForPid(OciCommand& command, const std::vector<std::string>& words,
                 const StdioFds& stdio, DoneWithPid done);
  void RunPlain(const std::vector<std::string>& words, const std::string& id,
                absl::string_view input, Done done);

  EventLoop& loop_;
  Children& children_;
  const Options options_;
  std::vector<std::unique_ptr<OciCommand>> commands_;
};

// crun where there is one, else runc; the first that `path` ("/bin:/usr/bin")
// leads to. NotFound, naming both. runc first on a host whose v2 tree has
// controllers beside those of v1: crun refuses to work there.
absl::StatusOr<std::string> FindOciRuntime(const std::string& path);

}  // namespace holdfast::containerd
