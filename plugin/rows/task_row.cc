#include "plugin/rows/task_row.h"

#include <string>

#include "absl/strings/str_cat.h"

namespace holdfast {
namespace {

void FillCommand(const v1::TaskInfo& info, v1::Task& row) {
  const v1::CommandInfo& command =
      info.has_executor() ? info.executor().command() : info.command();
  if (command.value().empty()) return;  // what OCI starts is in its bundle
  row.add_command(command.value());
  for (const std::string& argument : command.arguments()) {
    row.add_command(argument);
  }
}

void FillEnd(const TaskFacts& task, v1::Task& row) {
  if (task.updates.empty()) return;
  const v1::TaskStatus& latest = task.updates.back().status();
  row.set_reason(latest.reason());
  row.set_message(latest.message());
  if (latest.has_exit_code()) row.set_exit_code(latest.exit_code());
  if (latest.has_signal()) row.set_signal(latest.signal());
  row.set_oom_killed(latest.oom_killed());
  if (latest.has_start_time()) *row.mutable_start_time() = latest.start_time();
  if (!task.IsTerminal()) return;
  *row.mutable_end_time() =
      latest.has_end_time() ? latest.end_time() : latest.timestamp();
}

std::string AgentOf(const v1::Intent& intent) {
  return intent.has_containerd()
             ? absl::StrCat("containerd:", intent.containerd().address())
             : intent.agent_id();
}

}  // namespace

const v1::Resources& LimitsInForce(const ExecutorFacts& facts) {
  if (facts.limits && facts.limits->has_resources()) {
    return facts.limits->resources();
  }
  const v1::TaskInfo& first = facts.intent.task();
  return first.has_executor() ? first.executor().resources()
                              : first.resources();
}

v1::Task MakeTaskRow(const ExecutorFacts& facts, const TaskFacts& task) {
  v1::Task row;
  row.set_task_id(task.info.task_id());
  row.set_framework_id(facts.intent.framework_id());
  row.set_executor_id(facts.intent.executor_id());
  row.set_container_id(facts.intent.container_id());
  row.set_agent(AgentOf(facts.intent));
  row.set_state(task.state());
  if (facts.started) *row.mutable_start_time() = facts.started->time();
  FillEnd(task, row);
  const bool lives = facts.started && !facts.exited && !task.IsTerminal();
  if (lives) row.set_pid(facts.started->pid());
  row.set_unacknowledged_updates(
      static_cast<uint32_t>(task.updates.size() - task.acknowledged));
  row.set_name(task.info.name());
  FillCommand(task.info, row);
  *row.mutable_resources() = LimitsInForce(facts);
  row.set_checkpoint(facts.intent.checkpoint());
  if (facts.limits && facts.limits->has_recovery_timeout()) {
    *row.mutable_recovery_timeout() = facts.limits->recovery_timeout();
  } else if (facts.intent.has_recovery_timeout()) {
    *row.mutable_recovery_timeout() = facts.intent.recovery_timeout();
  }
  return row;
}

}  // namespace holdfast
