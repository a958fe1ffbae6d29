#include "plugin/ctl/task_choice.h"

#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/errors.h"
#include "plugin/ctl/commands.h"
#include "plugin/ctl/failure.h"

namespace holdfast::ctl {
namespace {

absl::Status Ambiguous(const std::vector<FoundTask>& tasks, bool agent_too) {
  std::vector<std::string> names;
  if (agent_too) names.push_back("the agent's (without --all-agents)");
  for (const FoundTask& task : tasks) names.push_back(task.FullName());
  return absl::InvalidArgumentError(
      absl::StrCat("several agents have one; name it as [AGENT/]NAMESPACE/ID: ",
                   absl::StrJoin(names, ", ")));
}

// What comes before the last slash leaves `text`.
std::string CutLast(std::string& text) {
  const size_t slash = text.rfind('/');
  if (slash == std::string::npos) return std::exchange(text, "");
  std::string last = text.substr(slash + 1);
  text.resize(slash);
  return last;
}

}  // namespace

void TaskChoice::AddOptions(OptionParser& parser) {
  parser.AddText(0, "framework", &name_.framework_id);
  parser.AddFlag(0, "all-agents", &all_agents_);
  parser.AddText(0, "namespace", &name_space_);
  parser.AddText(0, "work_dir", &directories_.work_dir);
}

absl::Status TaskChoice::Take(const std::vector<std::string>& operands) {
  HOLDFAST_RETURN_IF_ERROR(ExpectOne(operands, "TASK_ID"));
  std::string rest = operands.front();
  const bool alone = !absl::StrContains(rest, '/');
  name_.task_id = CutLast(rest);
  if (alone) return absl::OkStatus();
  const std::string name_space = CutLast(rest);
  agent_ = rest;
  if (name_.task_id.empty() || name_space.empty()) {
    return UsageError(
        absl::StrCat("\"", operands.front(), "\" is not NAMESPACE/ID"));
  }
  if (!name_space_.empty() && name_space_ != name_space) {
    return UsageError(
        absl::StrCat("two namespaces: ", name_space_, " and ", name_space));
  }
  name_space_ = name_space;
  return absl::OkStatus();
}

bool TaskChoice::Means(const FoundTask& task) const {
  const auto takes = [](const std::string& wanted, const std::string& actual) {
    return wanted.empty() || wanted == actual;
  };
  return task.id == name_.task_id && takes(name_space_, task.name_space) &&
         takes(name_.framework_id, task.name_space) &&
         takes(agent_, task.agent);
}

FoundTasks TaskChoice::Find() {
  FoundTasks found;
  const absl::StatusOr<Layout> layout = directories_.Resolve();
  if (!layout.ok()) {
    found.status = layout.status();
    return found;
  }
  found = FindTasks(SystemFiles(), layout->work_dir);
  std::erase_if(found.tasks,
                [&](const FoundTask& task) { return !Means(task); });
  return found;
}

absl::Status TaskChoice::Ask(const Globals& globals,
                             absl::FunctionRef<absl::Status(Client&)> ask,
                             bool& may_be_elsewhere) {
  absl::StatusOr<Client> client = ConnectToAgent(globals);
  may_be_elsewhere = IsDisconnected(client.status());
  if (!client.ok()) return client.status();
  absl::Status asked = ask(*client);
  // A connection that broke may have told a part.
  may_be_elsewhere =
      absl::IsNotFound(asked) || (IsAway(asked) && !IsDisconnected(asked));
  return asked;
}

absl::Status TaskChoice::Answer(
    const Globals& globals, absl::FunctionRef<absl::Status(Client&)> ask,
    absl::FunctionRef<absl::Status(const FoundTask&)> tell) {
  absl::Status asked = absl::NotFoundError(
      absl::StrCat("no containerd has such a task in ", name_space_));
  bool may_be_elsewhere = true;
  bool agent_has_it = false;
  if (name_space_.empty()) {
    const auto probe = [&](Client& client) {
      return GetTask(client, name_).status();
    };
    asked = all_agents_ ? Ask(globals, probe, may_be_elsewhere)
                        : Ask(globals, ask, may_be_elsewhere);
    if (!may_be_elsewhere && (!all_agents_ || !asked.ok())) return asked;
    agent_has_it = asked.ok();
  }
  const FoundTasks found = Find();
  if (found.tasks.size() + (agent_has_it ? 1 : 0) > 1) {
    return Ambiguous(found.tasks, agent_has_it);
  }
  if (!found.tasks.empty()) return tell(found.tasks.front());
  if (agent_has_it) return Ask(globals, ask, may_be_elsewhere);
  if (!name_space_.empty() && !found.status.ok()) return found.status;
  return asked;
}

}  // namespace holdfast::ctl
