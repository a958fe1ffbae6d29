#include "shim/service/executor_link.h"

#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "api/ids.h"
#include "api/time_convert.h"
#include "base/errors.h"
#include "base/failpoint.h"
#include "base/log.h"
#include "base/utf8.h"

namespace holdfast::shim {
namespace {

// What an executor may say; the rest is the shim's and the agent's.
bool IsExecutorState(v1::TaskState state) {
  switch (state) {
    case v1::TASK_STARTING:
    case v1::TASK_RUNNING:
    case v1::TASK_KILLING:
    case v1::TASK_FINISHED:
    case v1::TASK_FAILED:
    case v1::TASK_KILLED:
    case v1::TASK_ERROR:
      return true;
    default:
      return false;
  }
}

constexpr size_t kMaxStatusMessageBytes = 10'000;

absl::StatusOr<v1::StatusUpdate> ToStatusUpdate(
    const v1::ExecutorCall::Update& said) {
  HOLDFAST_RETURN_IF_ERROR(ValidateId("update uuid", said.uuid()));
  if (!IsExecutorState(said.status().state())) {
    return absl::InvalidArgumentError(
        absl::StrCat("update ", said.uuid(), ": state ",
                     v1::TaskState_Name(said.status().state()),
                     " is not an executor's to report"));
  }
  v1::StatusUpdate update;
  update.set_uuid(said.uuid());
  v1::TaskStatus& status = *update.mutable_status();
  status.set_task_id(said.status().task_id());
  status.set_state(said.status().state());
  status.set_reason(said.status().reason());
  status.set_source(v1::SOURCE_EXECUTOR);
  status.set_message(
      std::string(CutUtf8(said.status().message(), kMaxStatusMessageBytes)));
  status.set_data(said.status().data());
  return update;
}

}  // namespace

class ExecutorLink::Session : public rpc::CallHandler {
 public:
  Session(ExecutorLink& link, rpc::ServerCall& call)
      : link_(link), call_(call) {}

  ~Session() override { OnGone(); }

  void OnMessage(absl::string_view bytes) override {
    v1::ExecutorCall call;
    if (!call.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
      return call_.Finish(
          absl::InvalidArgumentError("executor call: not a valid message"));
    }
    switch (call.call_case()) {
      case v1::ExecutorCall::kSubscribe:
        return OnSubscribe(call.subscribe());
      case v1::ExecutorCall::kUpdate:
        return OnUpdate(call.update());
      case v1::ExecutorCall::CALL_NOT_SET:
        return call_.Finish(absl::InvalidArgumentError(
            "executor call: neither subscribe nor update"));
    }
  }

  void OnHalfClose() override { call_.Finish(absl::OkStatus()); }

  void OnGone() override {
    if (link_.current_ == this) link_.current_ = nullptr;
  }

  void Send(const v1::ExecutorEvent& event) {
    call_.Send(event.SerializeAsString());
  }
  void Finish(const absl::Status& status) { call_.Finish(status); }

 private:
  void OnSubscribe(const v1::ExecutorCall::Subscribe& subscribe) {
    if (link_.current_ == this) {
      return call_.Finish(
          absl::InvalidArgumentError("executor call: a second subscribe"));
    }
    if (Session* former = std::exchange(link_.current_, this)) {
      former->Finish(absl::AbortedError("the executor subscribed again"));
    }
    HOLDFAST_FAILPOINT(ExecutorSubscribed);
    // What was sent on a stream that broke may not have arrived.
    link_.delivered_.clear();
    const v1::Intent& intent = link_.supervisor_.facts().intent;
    v1::ExecutorEvent event;
    event.mutable_subscribed()->set_container_id(intent.container_id());
    event.mutable_subscribed()->set_executor_id(intent.executor_id());
    event.mutable_subscribed()->set_framework_id(intent.framework_id());
    Send(event);
    for (const v1::ExecutorCall::Update& update : subscribe.unacknowledged()) {
      OnUpdate(update);
      if (link_.current_ != this) return;  // it was a bad one
    }
    link_.DeliverTasks();
    link_.DeliverKills();
  }

  void OnUpdate(const v1::ExecutorCall::Update& said) {
    if (link_.current_ != this) {
      return call_.Finish(absl::FailedPreconditionError(
          "executor call: update before subscribe"));
    }
    absl::StatusOr<v1::StatusUpdate> update = ToStatusUpdate(said);
    absl::Status stored = update.status();
    if (stored.ok()) {
      *update->mutable_status()->mutable_timestamp() =
          ToProto(link_.supervisor_.Now());
      stored = link_.supervisor_.AddUpdate(*std::move(update));
    }
    if (absl::IsFailedPrecondition(stored) || absl::IsNotFound(stored)) {
      // Of a task that is over: nobody waits for it. It is not sent again.
      Log(Severity::kWarning, stored.ToString());
      stored = absl::OkStatus();
    }
    if (!stored.ok()) return call_.Finish(stored);
    HOLDFAST_FAILPOINT(ExecutorUpdateStored);
    v1::ExecutorEvent event;
    event.mutable_acknowledged()->set_uuid(said.uuid());
    Send(event);
  }

  ExecutorLink& link_;
  rpc::ServerCall& call_;
};

ExecutorLink::ExecutorLink(rpc::GrpcServer& server, Supervisor& supervisor)
    : supervisor_(supervisor) {
  server.AddMethod("/holdfast.v1.Executor/Connect",
                   [this](rpc::ServerCall& call) {
                     return std::make_unique<Session>(*this, call);
                   });
}

bool ExecutorLink::IsDelivered(const TaskFacts& task) const {
  return !task.updates.empty() || delivered_.contains(task.info.task_id());
}

void ExecutorLink::DeliverTasks() {
  if (current_ == nullptr) return;
  for (const TaskFacts& task : supervisor_.facts().tasks) {
    if (IsDelivered(task)) continue;
    delivered_.insert(task.info.task_id());
    v1::ExecutorEvent event;
    *event.mutable_launch()->mutable_task() = task.info;
    current_->Send(event);
    HOLDFAST_FAILPOINT(TaskHandedOver);
  }
}

void ExecutorLink::DeliverKills() {
  const ExecutorFacts& facts = supervisor_.facts();
  for (const TaskFacts& task : facts.tasks) {
    if (task.kill && !task.IsTerminal()) DeliverKill(*task.kill);
  }
  if (facts.kill) {
    DeliverKill(*facts.kill);
  } else if (facts.fenced) {
    DeliverKill(v1::KillRequested());
  }
}

void ExecutorLink::DeliverKill(const v1::KillRequested& kill) {
  if (current_ == nullptr) return;
  v1::ExecutorEvent event;
  const TaskFacts* task = supervisor_.facts().FindTask(kill.task_id());
  if (kill.task_id().empty()) {
    *event.mutable_shutdown()->mutable_grace_period() = kill.grace_period();
  } else if (task != nullptr && IsDelivered(*task)) {
    event.mutable_kill()->set_task_id(kill.task_id());
    *event.mutable_kill()->mutable_grace_period() = kill.grace_period();
  } else {
    return;  // after the task, when that is delivered
  }
  current_->Send(event);
}

}  // namespace holdfast::shim
