#pragma once

#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "plugin/ctl/client.h"
#include "plugin/ctl/directories.h"
#include "plugin/ctl/found_tasks.h"
#include "plugin/ctl/options.h"
#include "plugin/ctl/task.h"

namespace holdfast::ctl {

// Which task a person means, of the agent's or of a containerd's, for commands
// that look at one. An id alone is the agent's task; where the agent does not
// know it, or does not answer, it is the one containerd's task with that id.
// "NAMESPACE/ID" and --namespace mean a containerd's only, and
// "AGENT/NAMESPACE/ID" one of several daemons'. With --all-agents an id that
// the agent and a containerd have is not the agent's, but ambiguous.
class TaskChoice {
 public:
  void AddOptions(OptionParser& parser);
  // A usage error: not one TASK_ID, or two namespaces.
  absl::Status Take(const std::vector<std::string>& operands);

  const TaskName& name() const { return name_; }

  // `ask`s the agent, or `tell`s of the task that was found. An error: of
  // either, or it is ambiguous, with all that it may mean.
  absl::Status Answer(const Globals& globals,
                      absl::FunctionRef<absl::Status(Client&)> ask,
                      absl::FunctionRef<absl::Status(const FoundTask&)> tell);

 private:
  // `may_be_elsewhere`: the agent does not know the task, or is not there.
  static absl::Status Ask(const Globals& globals,
                          absl::FunctionRef<absl::Status(Client&)> ask,
                          bool& may_be_elsewhere);
  FoundTasks Find();
  bool Means(const FoundTask& task) const;

  TaskName name_;
  std::string agent_;       // empty: any
  std::string name_space_;  // likewise
  bool all_agents_ = false;
  Directories directories_;
};

}  // namespace holdfast::ctl
