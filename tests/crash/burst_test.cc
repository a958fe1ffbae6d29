// An agent is killed with SIGKILL at a random moment of many launches and
// kills, again and again; after each restart what its orchestrator was told,
// what it is told now, and what the kernel shows must fit together.

#include <gtest/gtest.h>
#include <stdlib.h>

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <fstream>
#include <map>
#include <random>
#include <thread>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "base/files.h"
#include "hack/local_agent/local_agent.h"
#include "hack/local_agent/processes.h"
#include "hack/local_agent/update_ledger.h"
#include "hack/local_agent/update_watcher.h"

namespace holdfast {
namespace {

using hack::LocalAgent;
using hack::Stub;
using hack::UpdateLedger;
using hack::UpdateWatcher;

constexpr char kFramework[] = "burst";
constexpr int kTasks = 200;
constexpr int kThreads = 8;
constexpr absl::Duration kLongestRound = absl::Seconds(3);
constexpr absl::Duration kPatience = absl::Seconds(60);
constexpr absl::Duration kLookAgain = absl::Milliseconds(20);

int EnvironmentNumber(const char* name, int otherwise) {
  const char* text = getenv(name);
  int number = otherwise;
  if (text != nullptr) (void)absl::SimpleAtoi(text, &number);
  return number;
}

// What the orchestrator was told of one task before the agent died.
struct Told {
  std::string task_id;
  bool launched = false;
  bool kill_accepted = false;
};

class BurstTest : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(hack::AdoptOrphans().ok());
    absl::StatusOr<std::unique_ptr<LocalAgent>> agent = LocalAgent::Create(
        {.name = "holdfast-test-burst", .bin_dir = HOLDFAST_BIN_DIR});
    ASSERT_TRUE(agent.ok()) << agent.status();
    agent_ = *std::move(agent);
    marks_ = agent_->directory() + "/marks";
    std::filesystem::create_directory(marks_);
    seed_ = static_cast<unsigned>(
        EnvironmentNumber("HOLDFAST_SEED", static_cast<int>(getpid())));
    random_.seed(seed_);
    RecordProperty("seed", static_cast<int>(seed_));
    Start();
  }

  void TearDown() override {
    watcher_.reset();
    if (agent_ == nullptr) return;
    if (HasFailure()) {
      const auto log = ReadSmallFile(agent_->log_path());
      GTEST_LOG_(INFO) << "the agent's log:\n" << log.value_or("none");
    }
    EXPECT_TRUE(agent_->StopGently().ok());
    hack::ReapOrphans();
    EXPECT_EQ(hack::ProcessesNaming(agent_->directory()),
              std::vector<std::string>());
    EXPECT_EQ(Entries(agent_->work_dir() + "/executors"), 0u);
    EXPECT_EQ(Entries(agent_->runtime_dir() + "/shims"), 0u);
    EXPECT_FALSE(std::filesystem::exists("/sys/fs/cgroup/unified/" +
                                         agent_->cgroups_root()));
    EXPECT_TRUE(agent_->Sweep(/*keep=*/false).ok());
  }

  static size_t Entries(const std::string& directory) {
    size_t count = 0;
    for ([[maybe_unused]] const auto& entry :
         std::filesystem::directory_iterator(directory)) {
      ++count;
    }
    return count;
  }

  void Start() {
    const absl::Status started = agent_->Start();
    ASSERT_TRUE(started.ok()) << started;
    v1::RegisterFrameworkRequest request;
    request.mutable_framework()->set_framework_id(kFramework);
    request.mutable_framework()->set_checkpoint(true);
    const auto registered =
        agent_->client().Call(&Stub::RegisterFramework, request);
    ASSERT_TRUE(registered.ok()) << registered.status();
    watcher_ =
        std::make_unique<UpdateWatcher>(agent_->client(), ledger_, kFramework);
  }

  void Restart() {
    (void)watcher_->WaitUntilBroken();
    watcher_.reset();
    ASSERT_NO_FATAL_FAILURE(Start());
    const auto recovered = agent_->WaitUntilRecovered(0, kPatience);
    ASSERT_TRUE(recovered.ok()) << recovered.status();
  }

  absl::Status Launch(const std::string& task_id) {
    v1::LaunchTaskRequest request;
    request.set_framework_id(kFramework);
    v1::TaskInfo& task = *request.mutable_task();
    task.set_task_id(task_id);
    task.mutable_command()->set_shell(true);
    task.mutable_command()->set_value(absl::StrCat(
        "echo started >> ", marks_, "/", task_id, "; exec sleep 1000"));
    return agent_->client().Call(&Stub::LaunchTask, request).status();
  }

  absl::Status Kill(const std::string& task_id) {
    v1::KillTaskRequest request;
    request.set_framework_id(kFramework);
    request.set_task_id(task_id);
    return agent_->client().Call(&Stub::KillTask, request).status();
  }

  // Launches every task and kills every second one, until the agent dies.
  void Burst(std::vector<Told>& told) {
    std::atomic<size_t> next = 0;
    std::atomic<bool> over = false;
    std::vector<std::thread> threads;
    for (int i = 0; i < kThreads; ++i) {
      threads.emplace_back([&] {
        for (size_t at; !over && (at = next++) < told.size();) {
          told[at].launched = Launch(told[at].task_id).ok();
          if (told[at].launched) {
            told[at].kill_accepted = Kill(told[at].task_id).ok();
          }
        }
      });
    }
    std::uniform_real_distribution<double> moment(0, 1);
    const absl::Duration life = kLongestRound * moment(random_);
    // The clock of the experiment, not a wait for something.
    absl::SleepFor(life);
    const absl::Status killed = agent_->KillHard();
    over = true;
    for (std::thread& thread : threads) thread.join();
    ASSERT_TRUE(killed.ok()) << killed;
  }

  int StartsOf(const std::string& task_id) const {
    std::ifstream marks(marks_ + "/" + task_id);
    int lines = 0;
    for (std::string line; std::getline(marks, line);) ++lines;
    return lines;
  }

  v1::ReconcileResponse Reconcile(const std::vector<Told>& told) {
    v1::ReconcileRequest request;
    request.set_framework_id(kFramework);
    for (const Told& task : told) request.add_task_ids(task.task_id);
    // A shim that gets no processor is waited for: RECOVERING asks for that.
    const absl::Time give_up = absl::Now() + kPatience;
    while (true) {
      const auto answer = agent_->client().Call(&Stub::Reconcile, request);
      EXPECT_TRUE(answer.ok()) << answer.status();
      if (!answer.ok()) return v1::ReconcileResponse();
      const bool all_known = std::none_of(
          answer->rows().begin(), answer->rows().end(), [](const auto& row) {
            return row.answer() == v1::ReconcileResponse::RECOVERING;
          });
      if (all_known || absl::Now() > give_up) return *answer;
      absl::SleepFor(kLookAgain);
    }
  }

  // An acknowledgement whose answer was lost with the agent may be stored: its
  // update does not come again, and saying it again is fine.
  void AcknowledgeAgain(const std::string& task_id) {
    const UpdateLedger::Task seen = ledger_.Get(task_id);
    if (seen.acknowledged >= seen.updates.size()) return;
    for (const v1::StatusUpdate& update : seen.updates) {
      v1::AcknowledgeUpdateRequest request;
      request.set_framework_id(kFramework);
      request.set_task_id(task_id);
      request.set_uuid(update.uuid());
      const auto answer =
          agent_->client().Call(&Stub::AcknowledgeUpdate, request);
      EXPECT_TRUE(answer.ok()) << task_id << ": " << answer.status();
      ledger_.NoteAcknowledged(update);
    }
  }

  // Kills what is left, and sees each task's one end.
  void EndAll(const std::vector<Told>& told, std::set<std::string> known) {
    const std::vector<std::string> ids(known.begin(), known.end());
    for (const std::string& id : ids) {
      const absl::Status killed = Kill(id);
      EXPECT_TRUE(killed.ok()) << id << ": " << killed;
    }
    const absl::Status ended = ledger_.WaitForEnd(ids, kPatience);
    EXPECT_TRUE(ended.ok()) << ended;
    for (const Told& task : told) {
      const UpdateLedger::Task seen = ledger_.Get(task.task_id);
      EXPECT_EQ(seen.disorders, 0) << task.task_id;
      EXPECT_LE(StartsOf(task.task_id), 1) << task.task_id;
      if (!known.contains(task.task_id)) continue;
      EXPECT_EQ(std::count_if(seen.updates.begin(), seen.updates.end(),
                              [](const v1::StatusUpdate& update) {
                                return update.status().state() >=
                                       v1::TASK_FINISHED;
                              }),
                1)
          << task.task_id;
      EXPECT_EQ(seen.terminal()->state(), v1::TASK_KILLED) << task.task_id;
      v1::RemoveTaskRequest request;
      request.set_framework_id(kFramework);
      request.set_task_id(task.task_id);
      const auto removed = agent_->client().Call(&Stub::RemoveTask, request);
      EXPECT_TRUE(removed.ok()) << task.task_id << ": " << removed.status();
    }
  }

  unsigned seed_ = 0;
  std::mt19937 random_;
  std::string marks_;
  UpdateLedger ledger_;
  std::unique_ptr<LocalAgent> agent_;
  std::unique_ptr<UpdateWatcher> watcher_;
};

TEST_F(BurstTest, EveryAnsweredLaunchRunsOnceOrHasOneEnd) {
  const int rounds = EnvironmentNumber("HOLDFAST_BURST_ROUNDS", 8);
  int answered = 0, unanswered_known = 0, never_started = 0;
  for (int round = 0; round < rounds && !HasFailure(); ++round) {
    std::vector<Told> told(kTasks);
    for (int i = 0; i < kTasks; ++i) {
      told[static_cast<size_t>(i)].task_id = absl::StrCat("t-", round, "-", i);
    }

    ASSERT_NO_FATAL_FAILURE(Burst(told));
    ASSERT_NO_FATAL_FAILURE(Restart());

    const v1::ReconcileResponse answer = Reconcile(told);
    std::set<std::string> known;
    for (int i = 0; i < answer.rows_size(); ++i) {
      const v1::ReconcileResponse::Row& row = answer.rows(i);
      const Told& task = told[static_cast<size_t>(i)];
      const bool is_known = row.answer() == v1::ReconcileResponse::KNOWN;
      if (is_known) {
        known.insert(row.task_id());
        AcknowledgeAgain(row.task_id());
      }
      if (task.launched) {
        ++answered;
        EXPECT_TRUE(is_known) << row.ShortDebugString();
      } else if (is_known) {
        ++unanswered_known;
      } else {
        ++never_started;
        EXPECT_EQ(row.answer(), v1::ReconcileResponse::NEVER_STARTED)
            << row.ShortDebugString();
        EXPECT_EQ(StartsOf(row.task_id()), 0) << row.task_id();
      }
    }
    EndAll(told, known);
    // A kill that was accepted needs no second one; EndAll's cannot tell.
  }
  printf(
      "%d rounds, seed %u: %d launches answered, %d unanswered and known, "
      "%d never started\n",
      rounds, seed_, answered, unanswered_known, never_started);
}

}  // namespace
}  // namespace holdfast
