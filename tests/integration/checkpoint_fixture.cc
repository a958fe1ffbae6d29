#include "tests/integration/checkpoint_fixture.h"

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>

#include "absl/strings/str_cat.h"
#include "api/records.pb.h"
#include "shim/bundle/executor_journal.h"

namespace holdfast {
namespace {

// Whether its last word on the link is that it is lost: nothing of the agent's
// is being written any more.
bool IsDetached(const std::string& journal) {
  const absl::StatusOr<ExecutorFacts> facts =
      ExecutorJournal::Peek(SystemFiles(), journal);
  if (!facts.ok()) return false;
  const auto last =
      std::find_if(facts->history.rbegin(), facts->history.rend(),
                   [](const v1::JournalRecord& record) {
                     return record.has_attached() || record.has_detached();
                   });
  return last != facts->history.rend() && last->has_detached();
}

}  // namespace

void DamageTest::SetUp() {
  AgentTest::SetUp();
  if (IsSkipped()) return;
  Register(kFramework);
  Watch(kFramework);
}

void DamageTest::TearDown() {
  if (!IsSkipped()) {
    if (agent().pid() != 0) KillAgent();
    StartWith({"--strict=false", "--orphans=kill"});
    EXPECT_TRUE(Eventually([&] { return Info().orphans() == 0; }));
    KillAgent();
    EXPECT_TRUE(RemoveTree(layout().Quarantine()).ok());
    StartWith({});
  }
  AgentTest::TearDown();
}

v1::Task DamageTest::LaunchSleeper(const std::string& task_id) {
  const v1::Task task = Launch(ShellTask(task_id, "sleep 1000"));
  AwaitRunning({task_id});
  return task;
}

void DamageTest::KillAgentQuietly(const std::vector<v1::Task>& tasks) {
  KillAgent();
  for (const v1::Task& task : tasks) {
    EXPECT_TRUE(Eventually([&] { return IsDetached(JournalOf(task)); }))
        << task.task_id();
  }
}

void DamageTest::KillShim(const v1::Task& task) {
  const ProcessWatch shim(task.shim_pid());
  shim.Kill(SIGKILL);
  shim.WaitForEnd(absl::Seconds(10));
}

void DamageTest::StartWith(std::vector<std::string> flags) {
  agent().SetFlags(std::move(flags));
  ASSERT_NO_FATAL_FAILURE(StartAgent());
  WaitUntilRecovered();
}

std::string DamageTest::StartInVain(std::vector<std::string> flags) {
  agent().SetFlags(std::move(flags));
  const absl::Status started = agent().Spawn();
  EXPECT_TRUE(started.ok()) << started;
  return Must(agent().WaitForEnd(absl::Seconds(20)));
}

std::string DamageTest::NewLog() {
  const std::string log = AgentLog();
  const std::string fresh = log.substr(std::min(log_seen_, log.size()));
  log_seen_ = log.size();
  return fresh;
}

v1::GetAgentResponse DamageTest::Info() {
  return Must(client().Call(&Stub::GetAgent, v1::GetAgentRequest()));
}

v1::GetRecoveryResponse DamageTest::Recovery() {
  return Must(client().Call(&Stub::GetRecovery, v1::GetRecoveryRequest()));
}

std::map<std::string, std::string> DamageTest::Decisions(
    const v1::GetRecoveryResponse& report) {
  std::map<std::string, std::string> decisions;
  for (const auto& row : report.executors()) {
    decisions[row.container_id()] =
        absl::StrCat(v1::GetRecoveryResponse::Decision_Name(row.decision()),
                     " ", row.reason());
  }
  return decisions;
}

void DamageTest::Flip(const std::string& path, size_t at) {
  const std::string content = Must(ReadSmallFile(path));
  ASSERT_LT(at, content.size()) << path;
  Overwrite(path, at, std::string(1, static_cast<char>(content[at] ^ 1)));
}

void DamageTest::Overwrite(const std::string& path, size_t at,
                           const std::string& bytes) {
  const UniqueFd fd(open(path.c_str(), O_WRONLY | O_CLOEXEC));
  ASSERT_TRUE(fd) << path;
  ASSERT_EQ(
      pwrite(fd.get(), bytes.data(), bytes.size(), static_cast<off_t>(at)),
      static_cast<ssize_t>(bytes.size()));
}

std::map<std::string, std::string> DamageTest::Snapshot(
    const std::string& directory) {
  std::map<std::string, std::string> files;
  for (const auto& entry :
       std::filesystem::recursive_directory_iterator(directory)) {
    if (!entry.is_regular_file()) continue;
    files[entry.path()] = Must(ReadSmallFile(entry.path()));
  }
  return files;
}

}  // namespace holdfast
