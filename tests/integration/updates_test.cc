// What WatchUpdates, AcknowledgeUpdate and Reconcile promise an orchestrator.

#include <map>

#include "gmock/gmock.h"
#include "tests/integration/agent_fixture.h"
#include "tests/integration/update_stream.h"

namespace holdfast {
namespace {

using testing::ElementsAre;

class Updates : public AgentTest {
 protected:
  void SetUp() override {
    AgentTest::SetUp();
    if (!IsSkipped()) Register(kFramework);
  }

  static v1::WatchUpdatesRequest From(const std::string& cursor = "") {
    v1::WatchUpdatesRequest request;
    request.set_framework_id(kFramework);
    request.set_cursor(cursor);
    return request;
  }

  // What waits for the orchestrator now.
  std::vector<v1::StatusUpdate> Unacknowledged() {
    v1::WatchUpdatesRequest request = From();
    request.set_snapshot_only(true);
    return UpdateStream(client(), request).ReadSnapshot();
  }

  absl::Status Acknowledge(const v1::StatusUpdate& update) {
    v1::AcknowledgeUpdateRequest request;
    request.set_framework_id(kFramework);
    request.set_task_id(update.status().task_id());
    request.set_uuid(update.uuid());
    return client().Call(&Stub::AcknowledgeUpdate, request).status();
  }

  void LaunchAndAwaitEnd(const std::string& task_id) {
    Launch(ShellTask(task_id, "true"));
    EXPECT_TRUE(Eventually([&] { return HasEnded(task_id); }));
  }

  v1::ReconcileResponse::Answer Reconcile(const std::string& framework_id,
                                          const std::string& task_id) {
    v1::ReconcileRequest request;
    request.set_framework_id(framework_id);
    request.add_task_ids(task_id);
    const auto response = Must(client().Call(&Stub::Reconcile, request));
    EXPECT_EQ(response.rows_size(), 1);
    return response.rows(0).answer();
  }
};

std::vector<v1::TaskState> StatesOf(
    const std::vector<v1::StatusUpdate>& updates) {
  std::vector<v1::TaskState> states;
  for (const v1::StatusUpdate& update : updates)
    states.push_back(update.status().state());
  return states;
}

std::vector<std::string> UuidsOf(const std::vector<v1::StatusUpdate>& updates) {
  std::vector<std::string> uuids;
  for (const v1::StatusUpdate& update : updates) uuids.push_back(update.uuid());
  return uuids;
}

TEST_F(Updates, WaitForAFrameworkThatIsNotConnected) {
  LaunchAndAwaitEnd("alone");

  const std::vector<v1::StatusUpdate> updates = Unacknowledged();

  EXPECT_THAT(StatesOf(updates),
              ElementsAre(v1::TASK_RUNNING, v1::TASK_FINISHED));
  // Looked at is not acknowledged.
  EXPECT_EQ(UuidsOf(Unacknowledged()), UuidsOf(updates));
}

TEST_F(Updates, AreTheSameAfterARestartAndGoneOnceAcknowledged) {
  LaunchAndAwaitEnd("alone");
  const std::vector<v1::StatusUpdate> before = Unacknowledged();
  RestartAgent();

  const std::vector<v1::StatusUpdate> after = Unacknowledged();

  ASSERT_EQ(UuidsOf(after), UuidsOf(before));
  EXPECT_TRUE(Acknowledge(after[0]).ok());
  EXPECT_TRUE(Acknowledge(after[0]).ok());  // may be repeated
  RestartAgent();
  EXPECT_THAT(UuidsOf(Unacknowledged()), ElementsAre(before[1].uuid()));
  EXPECT_TRUE(Acknowledge(before[1]).ok());
  RestartAgent();
  EXPECT_THAT(Unacknowledged(), testing::IsEmpty());
}

TEST_F(Updates, AreAcknowledgedInTheirOrder) {
  LaunchAndAwaitEnd("alone");
  const std::vector<v1::StatusUpdate> updates = Unacknowledged();
  ASSERT_EQ(updates.size(), 2u);

  const absl::Status early = Acknowledge(updates[1]);

  EXPECT_TRUE(absl::IsFailedPrecondition(early)) << early;
  EXPECT_EQ(Unacknowledged().size(), 2u);
  v1::StatusUpdate unknown = updates[0];
  unknown.set_uuid("00000000-0000-0000-0000-000000000000");
  EXPECT_TRUE(absl::IsNotFound(Acknowledge(unknown)));
  EXPECT_TRUE(Acknowledge(updates[0]).ok());
  EXPECT_TRUE(Acknowledge(updates[1]).ok());
}

TEST_F(Updates, GoToTheNewestStreamOfAFramework) {
  UpdateStream older(client(), From());
  older.ReadSnapshot();

  UpdateStream newer(client(), From());

  EXPECT_TRUE(absl::IsAborted(older.WaitForEnd()));
  newer.ReadSnapshot();
  Launch(ShellTask("seen", "true"));
  EXPECT_EQ(newer.ReadUpdate().status().state(), v1::TASK_RUNNING);
  EXPECT_EQ(newer.ReadUpdate().status().state(), v1::TASK_FINISHED);
}

TEST_F(Updates, GoOnAfterACursor) {
  std::string cursor;
  {
    UpdateStream stream(client(), From());
    stream.ReadSnapshot();
    Launch(ShellTask("seen", "true"));
    EXPECT_EQ(stream.ReadUpdate().status().state(), v1::TASK_RUNNING);
    cursor = stream.cursor();
    EXPECT_EQ(stream.ReadUpdate().status().state(), v1::TASK_FINISHED);
  }

  UpdateStream resumed(client(), From(cursor));

  EXPECT_TRUE(resumed.header().resumed());
  EXPECT_THAT(StatesOf(resumed.ReadSnapshot()), ElementsAre(v1::TASK_FINISHED));
}

TEST_F(Updates, BeginAnewAfterACursorOfAnEarlierAgent) {
  LaunchAndAwaitEnd("seen");
  std::string cursor;
  {
    UpdateStream stream(client(), From());
    stream.ReadSnapshot();
    cursor = stream.cursor();
  }
  RestartAgent();

  UpdateStream anew(client(), From(cursor));

  EXPECT_FALSE(anew.header().resumed());
  EXPECT_THAT(StatesOf(anew.ReadSnapshot()),
              ElementsAre(v1::TASK_RUNNING, v1::TASK_FINISHED));
}

TEST_F(Updates, ComeInOrderForEachTask) {
  constexpr int kTasks = 20;
  for (int i = 0; i < kTasks; ++i)
    LaunchAndAwaitEnd("ordered-" + std::to_string(i));
  RestartAgent();

  const std::vector<v1::StatusUpdate> updates = Unacknowledged();

  ASSERT_EQ(updates.size(), size_t{2 * kTasks});
  std::map<std::string, uint64_t> last;
  for (const v1::StatusUpdate& update : updates)
    EXPECT_EQ(update.sequence(), ++last[update.status().task_id()]);
}

TEST_F(Updates, AreAnsweredByReconcileToo) {
  Register("plain", /*checkpoint=*/false);
  LaunchAndAwaitEnd("known");
  using Response = v1::ReconcileResponse;

  for (int restarts = 0; restarts < 2; ++restarts) {
    EXPECT_EQ(Reconcile(kFramework, "known"), Response::KNOWN);
    EXPECT_EQ(Reconcile(kFramework, "never-launched"), Response::NEVER_STARTED);
    EXPECT_EQ(Reconcile("plain", "whatever"), Response::UNKNOWN_HERE);
    EXPECT_EQ(Reconcile("strangers", "whatever"), Response::UNKNOWN_HERE);
    if (restarts == 0) RestartAgent();
  }
}

}  // namespace
}  // namespace holdfast
