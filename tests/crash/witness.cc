#include "tests/crash/witness.h"

#include <algorithm>

#include "api/status_states.h"
#include "gtest/gtest.h"

namespace holdfast {

using hack::Stub;

bool Witness::Runs(const v1::Task& task) {
  return task.attached() && task.state() == v1::TASK_RUNNING;
}

absl::Status Witness::Launch(const v1::TaskInfo& task,
                             const std::string& framework_id) {
  Told& told = told_[task.task_id()];
  told.framework_id = framework_id;
  told.custom = task.has_executor();
  v1::LaunchTaskRequest request;
  request.set_framework_id(framework_id);
  *request.mutable_task() = task;
  const auto answer = agent_.client().Call(&Stub::LaunchTask, request);
  if (!answer.ok()) return answer.status();
  told.launched = true;
  told.container_id = answer->task().container_id();
  const auto process = hack::Identify(answer->task().pid());
  if (process.ok()) told.process = *process;
  return absl::OkStatus();
}

absl::Status Witness::Kill(const std::string& task_id) {
  Told& told = told_.at(task_id);
  told.end = v1::REASON_TASK_KILLED_BY_REQUEST;
  const absl::Status answer =
      agent_.client()
          .Call(&Stub::KillTask, Naming<v1::KillTaskRequest>(task_id))
          .status();
  if (answer.ok()) told.must_end = true;
  return answer;
}

absl::Status Witness::EndAll(v1::TaskStatusReason reason,
                             const std::function<absl::Status()>& ask) {
  for (auto& [id, told] : told_) told.end = reason;
  const absl::Status answer = ask();
  if (!answer.ok()) return answer;
  for (auto& [id, told] : told_) told.must_end = true;
  return absl::OkStatus();
}

absl::Status Witness::Remove(const std::string& task_id) {
  Told& told = told_.at(task_id);
  told.may_be_gone = true;
  const absl::Status answer =
      agent_.client()
          .Call(&Stub::RemoveTask, Naming<v1::RemoveTaskRequest>(task_id))
          .status();
  if (answer.ok()) told.must_be_gone = true;
  return answer;
}

absl::Status Witness::TearDown(const std::string& framework_id) {
  for (auto& [id, told] : told_) told.may_be_gone = true;
  v1::TeardownFrameworkRequest request;
  request.set_framework_id(framework_id);
  const absl::Status answer = EndAll(v1::REASON_FRAMEWORK_REMOVED, [&] {
    return agent_.client().Call(&Stub::TeardownFramework, request).status();
  });
  if (!answer.ok()) return answer;
  for (auto& [id, told] : told_) told.must_be_gone = true;
  return absl::OkStatus();
}

void Witness::NoteOwnEnd(const std::string& task_id, int code) {
  Told& told = told_.at(task_id);
  told.end = v1::REASON_COMMAND_EXECUTOR_FAILED;
  told.exit_code = code;
  told.must_end = true;
}

v1::GetTaskResponse Witness::Get(const std::string& task_id) {
  const auto answer =
      agent_.client().Call(&Stub::GetTask, Naming<v1::GetTaskRequest>(task_id));
  EXPECT_TRUE(answer.ok()) << answer.status();
  return answer.value_or(v1::GetTaskResponse());
}

void Witness::AcknowledgeAgain() {
  for (const auto& [id, told] : told_) {
    const hack::UpdateLedger::Task seen = ledger_.Get(id);
    for (size_t i = seen.acknowledged; i < seen.updates.size(); ++i) {
      auto request = Naming<v1::AcknowledgeUpdateRequest>(id);
      request.set_uuid(seen.updates[i].uuid());
      const auto answer =
          agent_.client().Call(&Stub::AcknowledgeUpdate, request);
      EXPECT_TRUE(answer.ok() ||
                  (told.may_be_gone && absl::IsNotFound(answer.status())))
          << id << ": " << answer.status();
      if (answer.ok()) ledger_.NoteAcknowledged(seen.updates[i]);
    }
  }
}

Witness::Rows Witness::Reconcile() {
  if (told_.empty()) return {};
  v1::ReconcileRequest request;
  request.set_framework_id(told_.begin()->second.framework_id);
  for (const auto& [id, told] : told_) request.add_task_ids(id);
  const auto answer = agent_.client().Call(&Stub::Reconcile, request);
  if (!answer.ok()) return {};
  return {answer->rows().begin(), answer->rows().end()};
}

std::optional<v1::Task> Witness::Find(const std::string& task_id) {
  for (const auto& row : Reconcile()) {
    if (row.task_id() == task_id && row.has_task()) return row.task();
  }
  return std::nullopt;
}

bool Witness::AllRun() {
  const Rows rows = Reconcile();
  return !rows.empty() &&
         std::all_of(rows.begin(), rows.end(),
                     [](const auto& row) { return Runs(row.task()); });
}

bool Witness::AllOver() {
  const Rows rows = Reconcile();
  return !rows.empty() && std::all_of(rows.begin(), rows.end(), [](auto& row) {
    return IsTerminal(row.task().state());
  });
}

}  // namespace holdfast
