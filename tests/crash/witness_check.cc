// Witness: what must be true.

#include <algorithm>
#include <filesystem>

#include "absl/strings/str_cat.h"
#include "api/status_states.h"
#include "gmock/gmock.h"
#include "hack/local_agent/cgroup_sweep.h"
#include "tests/crash/witness.h"
#include "tests/integration/process_watch.h"

namespace holdfast {

using hack::Stub;

bool Witness::IsSettled(const v1::ReconcileResponse::Row& row) const {
  const Told& told = told_.at(row.task_id());
  if (row.answer() == v1::ReconcileResponse::RECOVERING) return false;
  if (!row.has_task()) return true;
  if (told.must_be_gone) return false;
  if (IsTerminal(row.task().state())) return true;
  return !told.must_end && Runs(row.task());
}

void Witness::Check() {
  Rows rows;
  EXPECT_TRUE(Eventually([&] {
    rows = Reconcile();
    return rows.size() == told_.size() &&
           std::all_of(rows.begin(), rows.end(),
                       [&](const auto& row) { return IsSettled(row); });
  })) << testing::PrintToString(rows);
  for (const auto& row : rows) CheckTask(row, told_.at(row.task_id()));
  CheckGroups();
}

void Witness::CheckTask(const v1::ReconcileResponse::Row& row, Told& told) {
  SCOPED_TRACE(row.ShortDebugString());
  if (row.answer() == v1::ReconcileResponse::NEVER_STARTED) {
    EXPECT_TRUE(told.may_be_gone || !told.launched)
        << "its launch was answered";
    if (!told.container_id.empty()) ExpectNothingOf(told.container_id);
    return;
  }
  EXPECT_EQ(row.answer(), v1::ReconcileResponse::KNOWN);
  const v1::Task& task = row.task();
  EXPECT_TRUE(told.container_id.empty() ||
              task.container_id() == told.container_id);
  told.container_id = task.container_id();
  if (IsTerminal(task.state())) {
    CheckEnd(task, told);
  } else {
    CheckProcess(task, told);
  }
}

void Witness::CheckEnd(const v1::Task& task, const Told& told) {
  EXPECT_TRUE(told.end.has_value()) << "nobody asked for its end";
  if (!told.end) return;
  EXPECT_FALSE(told.process && !told.custom && hack::Runs(*told.process));
  if (told.exit_code && shim_died_ && task.reason() == v1::REASON_SHIM_DIED) {
    EXPECT_FALSE(task.has_exit_code());  // nobody knows, and nobody guesses
    return;
  }
  EXPECT_EQ(task.reason(), *told.end);
  EXPECT_EQ(task.exit_code(), told.exit_code.value_or(task.exit_code()));
}

// Where its end was asked for, that may just come.
void Witness::CheckProcess(const v1::Task& task, Told& told) {
  const auto process = hack::Identify(task.pid());
  if (told.process) {
    EXPECT_TRUE(!process.ok() || *process == *told.process)
        << "it was started anew";
  }
  if (process.ok()) told.process = *process;
  EXPECT_TRUE((process.ok() && hack::Runs(*process)) || told.end)
      << process.status();
}

// Nothing runs that is no task's.
void Witness::CheckGroups() {
  std::set<std::string> living;
  for (const auto& row : Reconcile()) {
    if (row.has_task() && !IsTerminal(row.task().state())) {
      living.insert(row.task().container_id());
    }
  }
  const auto strangers = [&] {
    std::set<std::string> found;
    for (const std::string& root :
         hack::CgroupDirectories(agent_.cgroups_root())) {
      std::error_code error;
      for (const auto& entry :
           std::filesystem::directory_iterator(root, error)) {
        const std::string id = entry.path().filename();
        if (!entry.is_directory(error) || living.contains(id)) continue;
        const std::string group = absl::StrCat(agent_.cgroups_root(), "/", id);
        if (!hack::ProcessesBelow(group).empty()) found.insert(id);
      }
    }
    return found;
  };
  EXPECT_TRUE(Eventually([&] { return strangers().empty(); }))
      << testing::PrintToString(strangers());
}

void Witness::Finish() {
  for (const auto& row : Reconcile()) {
    if (row.has_task()) KillNow(row.task_id());
  }
  EXPECT_TRUE(Eventually([&] { return AllAreStored(); }))
      << testing::PrintToString(Reconcile());
  AcknowledgeAgain();
  CheckUpdates();
  for (const auto& row : Reconcile()) {
    if (!row.has_task()) continue;
    absl::Status removed;
    EXPECT_TRUE(Eventually([&] {
      removed = Remove(row.task_id());
      // A custom executor goes with all of its tasks.
      return removed.ok() || absl::IsNotFound(removed);
    })) << removed;
    ExpectNothingOf(row.task().container_id());
  }
  EXPECT_TRUE(Eventually([&] {
    hack::ReapOrphans();
    return hack::ProcessesBelow(agent_.cgroups_root()).empty();
  }));
}

void Witness::KillNow(const std::string& task_id) {
  auto kill = Naming<v1::KillTaskRequest>(task_id);
  kill.mutable_grace_period()->set_seconds(0);
  const auto killed = agent_.client().Call(&Stub::KillTask, kill);
  EXPECT_TRUE(killed.ok()) << killed.status();
}

// Each has ended, and its orchestrator has all of it.
bool Witness::AllAreStored() {
  const Rows rows = Reconcile();
  return rows.size() == told_.size() &&
         std::all_of(rows.begin(), rows.end(), [&](const auto& row) {
           return !row.has_task() ||
                  (IsTerminal(row.task().state()) &&
                   row.task().unacknowledged_updates() == 0 &&
                   ledger_.Get(row.task_id()).terminal() != nullptr);
         });
}

// What the agent keeps of them, too, where it still knows the tasks.
void Witness::CheckUpdates() {
  std::map<std::string, std::set<uint64_t>> sequences;  // by container
  for (const auto& row : Reconcile()) {
    const hack::UpdateLedger::Task seen = ledger_.Get(row.task_id());
    if (!row.has_task()) {
      EXPECT_TRUE(seen.updates.empty() || told_.at(row.task_id()).may_be_gone)
          << row.task_id() << " was told of";
      continue;
    }
    SCOPED_TRACE(row.task_id());
    EXPECT_EQ(seen.disorders, 0);
    EXPECT_EQ(seen.late, 0) << "one came after it was acknowledged";
    EXPECT_EQ(std::count_if(seen.updates.begin(), seen.updates.end(),
                            [](const v1::StatusUpdate& update) {
                              return IsTerminal(update.status().state());
                            }),
              1);
    std::map<uint64_t, std::string> uuids;
    for (const v1::StatusUpdate& update : seen.updates) {
      uuids[update.sequence()] = update.uuid();
      sequences[row.task().container_id()].insert(update.sequence());
    }
    const v1::GetTaskResponse known = Get(row.task_id());
    for (const v1::StatusUpdate& kept : known.updates()) {
      EXPECT_EQ(uuids[kept.sequence()], kept.uuid()) << kept.sequence();
    }
  }
  for (const auto& [container, numbers] : sequences) {
    EXPECT_EQ(*numbers.begin(), 1u) << container;
    EXPECT_EQ(*numbers.rbegin(), numbers.size()) << "one was never told";
  }
}

void Witness::ExpectNothingOf(const std::string& container_id) {
  for (const std::string& path :
       {agent_.work_dir() + "/executors/", agent_.runtime_dir() + "/shims/"}) {
    EXPECT_FALSE(std::filesystem::exists(path + container_id)) << path;
  }
  EXPECT_THAT(hack::CgroupDirectories(
                  absl::StrCat(agent_.cgroups_root(), "/", container_id)),
              testing::IsEmpty());
}

}  // namespace holdfast
