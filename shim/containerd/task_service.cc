#include "shim/containerd/task_service.h"

#include <unistd.h>

#include <utility>

#include "absl/strings/str_cat.h"
#include "base/errors.h"
#include "shim/containerd/invocation.h"

namespace holdfast::containerd {
namespace {

// A daemon that comes back dials its shims first of all; one that has no task
// here and is not dialled for so long was forgotten.
constexpr absl::Duration kUnneeded = absl::Minutes(1);
// One that gave its tasks up (`delete`) does not come back for more. Nor does
// one that was started again after `start` and before Create: it looks for what
// is here (1.6 by Connect alone, and then keeps the connection for ever).
constexpr absl::Duration kGivenUp = absl::Seconds(5);

// Of a process that has ended and whose output nobody reads, the state is told
// a little later.
constexpr int kReaderLooks = 6;
constexpr absl::Duration kReaderPause = absl::Milliseconds(5);

bool LacksReader(const Process& process) {
  return process.exit() && process.io() != nullptr &&
         process.io()->LacksReader();
}

// A reply that is given in any case: whoever was to give it may be gone before,
// as work that waits is when its container is deleted.
class SureReply {
 public:
  explicit SureReply(rpc::TtrpcServer::Reply reply)
      : reply_(std::move(reply)) {}
  ~SureReply() {
    if (reply_) reply_(absl::NotFoundError("container deleted"));
  }
  SureReply(const SureReply&) = delete;
  SureReply& operator=(const SureReply&) = delete;

  void Give(absl::StatusOr<std::string> answer) {
    if (reply_) std::exchange(reply_, nullptr)(std::move(answer));
  }

 private:
  rpc::TtrpcServer::Reply reply_;
};

}  // namespace

TaskService::TaskService(const Surroundings& surroundings,
                         rpc::TtrpcServer& server, std::function<void()> over)
    : surroundings_(surroundings), server_(server), over_(std::move(over)) {
  Add("Create", &TaskService::Create);
  Add("Start", &TaskService::Start);
  Add("State", &TaskService::State);
  Add("Delete", &TaskService::Delete);
  Add("Exec", &TaskService::Exec);
  Add("ResizePty", &TaskService::ResizePty);
  Add("Pause", &TaskService::Pause);
  Add("Resume", &TaskService::Resume);
  Add("Kill", &TaskService::Kill);
  Add("Pids", &TaskService::Pids);
  Add("CloseIO", &TaskService::CloseIO);
  Add("Checkpoint", &TaskService::Checkpoint);
  Add("Update", &TaskService::Update);
  Add("Wait", &TaskService::Wait);
  Add("Stats", &TaskService::Stats);
  Add("Connect", &TaskService::Connect);
  Add("Shutdown", &TaskService::Shutdown);
  server_.OnConnectionOpened(
      [this](uint64_t connection) { OnConnectionOpened(connection); });
  server_.OnConnectionClosed(
      [this](uint64_t connection) { OnConnectionClosed(connection); });
  server_.OnRequest([this](uint64_t connection) {
    attached_.insert(connection);
    surroundings_.events.DaemonIsThere();
    for (const auto& [id, container] : containers_) container->LookForReaders();
  });
  CheckNeeded();
}

TaskService::~TaskService() { surroundings_.loop.Cancel(unneeded_timer_); }

template <typename Request, typename Response>
void TaskService::Add(absl::string_view name,
                      void (TaskService::*method)(const Request&,
                                                  Answer<Response>)) {
  const auto handler = [this, method, name = std::string(name)](
                           absl::string_view bytes,
                           rpc::TtrpcServer::Reply reply) {
    Request request;
    if (!request.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
      return reply(absl::InvalidArgumentError(
          absl::StrCat(name, ": the request cannot be parsed")));
    }
    const auto sure = std::make_shared<SureReply>(std::move(reply));
    std::invoke(
        method, this, request,
        Answer<Response>([sure](const absl::StatusOr<Response>& answer) {
          if (!answer.ok()) return sure->Give(answer.status());
          sure->Give(answer->SerializeAsString());
        }));
  };
  for (const char* service :
       {"containerd.task.v2.Task", "containerd.task.v3.Task"}) {
    server_.AddMethod(service, name, handler);
  }
}

absl::StatusOr<Container*> TaskService::Find(const std::string& id) {
  const auto found = containers_.find(id);
  if (found == containers_.end()) {
    // Its time runs on while it is asked more often.
    if (!std::exchange(forgotten_, true)) CheckNeeded();
    return absl::NotFoundError("container not created");
  }
  found->second->DaemonAttached();
  return found->second.get();
}

void TaskService::Create(const task::CreateTaskRequest& request,
                         Answer<task::CreateTaskResponse> answer) {
  const std::string& id = request.id();
  if (absl::Status named = CheckName("id", id); !named.ok()) {
    return answer(named);
  }
  if (!over_)
    return answer(absl::UnavailableError("this shim is about to end"));
  if (containers_.count(id) != 0 || !being_made_.insert(id).second) {
    return answer(absl::UnknownError(
        absl::StrCat("container with given ID already exists: ", id)));
  }
  forgotten_ = false;
  CheckNeeded();
  Container::Create(
      surroundings_, request, [this] { CheckNeeded(); },
      [this, id, answer = std::move(answer)](
          absl::StatusOr<std::shared_ptr<Container>> container) {
        being_made_.erase(id);
        if (!container.ok()) {
          CheckNeeded();
          return answer(container.status());
        }
        task::CreateTaskResponse response;
        response.set_pid(
            static_cast<uint32_t>((*(*container)->Find(""))->pid()));
        (*container)->DaemonAttached();
        // The daemon may have died while it was made.
        if (attached_.empty()) (*container)->DaemonLost();
        containers_[id] = *std::move(container);
        answer(std::move(response));
      });
}

void TaskService::Start(const task::StartRequest& request,
                        Answer<task::StartResponse> answer) {
  const absl::StatusOr<Container*> container = Find(request.id());
  if (!container.ok()) return answer(container.status());
  (*container)->Start(request.exec_id(), std::move(answer));
}

void TaskService::State(const task::StateRequest& request,
                        Answer<task::StateResponse> answer) {
  const absl::StatusOr<Process*> process =
      FindProcess(request.id(), request.exec_id());
  if (!process.ok()) return answer(process.status());
  if (!LacksReader(**process)) return answer((*process)->Describe());
  AnswerWithReader(request, kReaderLooks, std::move(answer));
}

// containerd's CRI service, restarted, begins to open the FIFOs of an ended
// container, asks for its state, and then gives up those that are not open
// yet: what they would have got is lost. On a busy host that takes a moment.
void TaskService::AnswerWithReader(const task::StateRequest& request, int looks,
                                   Answer<task::StateResponse> answer) {
  surroundings_.loop.After(
      kReaderPause, [this, request, looks, answer = std::move(answer)] {
        const absl::StatusOr<Process*> process =
            FindProcess(request.id(), request.exec_id());
        if (!process.ok()) return answer(process.status());
        if (looks > 1 && LacksReader(**process)) {
          return AnswerWithReader(request, looks - 1, answer);
        }
        answer((*process)->Describe());
      });
}

void TaskService::Delete(const task::DeleteRequest& request,
                         Answer<task::DeleteResponse> answer) {
  const absl::StatusOr<Container*> container = Find(request.id());
  if (!container.ok()) return answer(container.status());
  if (!request.exec_id().empty()) {
    return (*container)->Delete(request.exec_id(), std::move(answer));
  }
  (*container)
      ->Delete("", [this, id = request.id(), answer = std::move(answer)](
                       absl::StatusOr<task::DeleteResponse> response) {
        if (response.ok()) {
          // What answers is inside of it.
          surroundings_.loop.Post([gone = std::move(containers_[id])] {});
          containers_.erase(id);
          CheckNeeded();
        }
        answer(std::move(response));
      });
}

void TaskService::Exec(const task::ExecProcessRequest& request,
                       Answer<Empty> answer) {
  const absl::StatusOr<Container*> container = Find(request.id());
  if (!container.ok()) return answer(container.status());
  (*container)->Exec(request, std::move(answer));
}

absl::StatusOr<Process*> TaskService::FindProcess(const std::string& id,
                                                  const std::string& exec_id) {
  HOLDFAST_ASSIGN_OR_RETURN(Container* const container, Find(id));
  return container->Find(exec_id);
}

void TaskService::ResizePty(const task::ResizePtyRequest& request,
                            Answer<Empty> answer) {
  const absl::StatusOr<Process*> process =
      FindProcess(request.id(), request.exec_id());
  if (!process.ok()) return answer(process.status());
  const bool ended_exec =
      !request.exec_id().empty() && (*process)->state() == TaskState::kStopped;
  if (ended_exec) {
    return answer(absl::UnknownError("cannot resize a stopped process"));
  }
  ProcessIo* const io = (*process)->io();
  AnswerEmpty(std::move(answer))(
      io == nullptr ? absl::OkStatus()
                    : io->Resize(request.width(), request.height()));
}

void TaskService::Pause(const task::PauseRequest& request,
                        Answer<Empty> answer) {
  const absl::StatusOr<Container*> container = Find(request.id());
  if (!container.ok()) return answer(container.status());
  (*container)->Pause(std::move(answer));
}

void TaskService::Resume(const task::ResumeRequest& request,
                         Answer<Empty> answer) {
  const absl::StatusOr<Container*> container = Find(request.id());
  if (!container.ok()) return answer(container.status());
  (*container)->Resume(std::move(answer));
}

void TaskService::Kill(const task::KillRequest& request, Answer<Empty> answer) {
  const absl::StatusOr<Container*> container = Find(request.id());
  if (!container.ok()) return answer(container.status());
  (*container)->Kill(request, std::move(answer));
}

void TaskService::Pids(const task::PidsRequest& request,
                       Answer<task::PidsResponse> answer) {
  const absl::StatusOr<Container*> container = Find(request.id());
  if (!container.ok()) return answer(container.status());
  answer((*container)->Pids());
}

void TaskService::CloseIO(const task::CloseIORequest& request,
                          Answer<Empty> answer) {
  const absl::StatusOr<Process*> process =
      FindProcess(request.id(), request.exec_id());
  if (!process.ok()) return answer(process.status());
  if (request.stdin() && (*process)->io() != nullptr) {
    (*process)->io()->CloseStdin();
  }
  answer(Empty());
}

void TaskService::Checkpoint(const task::CheckpointTaskRequest& request,
                             Answer<Empty> answer) {
  const absl::StatusOr<Container*> container = Find(request.id());
  if (!container.ok()) return answer(container.status());
  (*container)->Checkpoint(request, std::move(answer));
}

void TaskService::Update(const task::UpdateTaskRequest& request,
                         Answer<Empty> answer) {
  const absl::StatusOr<Container*> container = Find(request.id());
  if (!container.ok()) return answer(container.status());
  (*container)->Update(request, std::move(answer));
}

void TaskService::Wait(const task::WaitRequest& request,
                       Answer<task::WaitResponse> answer) {
  const absl::StatusOr<Process*> process =
      FindProcess(request.id(), request.exec_id());
  if (!process.ok()) return answer(process.status());
  (*process)->Await(std::move(answer));
}

void TaskService::Stats(const task::StatsRequest& request,
                        Answer<task::StatsResponse> answer) {
  const absl::StatusOr<Container*> container = Find(request.id());
  if (!container.ok()) return answer(container.status());
  answer((*container)->Stats());
}

void TaskService::Connect(const task::ConnectRequest& request,
                          Answer<task::ConnectResponse> answer) {
  task::ConnectResponse response;  // also of what is not here
  response.set_shim_pid(static_cast<uint32_t>(getpid()));
  const absl::StatusOr<Container*> container = Find(request.id());
  if (container.ok()) {
    response.set_task_pid(
        static_cast<uint32_t>((*(*container)->Find(""))->pid()));
  }
  answer(std::move(response));
}

void TaskService::Shutdown(const task::ShutdownRequest&, Answer<Empty> answer) {
  const bool needed = !containers_.empty() || !being_made_.empty();
  answer(Empty());
  if (!needed && over_) std::exchange(over_, nullptr)();
}

// A daemon that was started again may have dialled before we see that its
// former self is gone: it is back once the oldest connection is a new one.
void TaskService::OnConnectionOpened(uint64_t connection) {
  connections_.insert(connection);
  if (connections_.size() == 1) surroundings_.events.DaemonIsBack();
  for (const auto& [id, container] : containers_) container->LookForReaders();
  CheckNeeded();
}

void TaskService::OnConnectionClosed(uint64_t connection) {
  const bool was_oldest = *connections_.begin() == connection;
  connections_.erase(connection);
  if (attached_.erase(connection) != 0 && attached_.empty()) {
    for (const auto& [id, container] : containers_) container->DaemonLost();
  }
  if (was_oldest && !connections_.empty()) surroundings_.events.DaemonIsBack();
  CheckNeeded();
}

void TaskService::CheckNeeded() {
  for (auto each = containers_.begin(); each != containers_.end();) {
    if (!each->second->IsAbandoned()) {
      ++each;
      continue;
    }
    given_up_ = true;
    surroundings_.events.ForgetAll(each->first);
    each = containers_.erase(each);
  }
  surroundings_.loop.Cancel(unneeded_timer_);
  unneeded_timer_ = 0;
  const bool waited_for = !connections_.empty() && !forgotten_;
  if (waited_for || !containers_.empty() || !being_made_.empty()) return;
  unneeded_timer_ = surroundings_.loop.After(
      given_up_ || forgotten_ ? kGivenUp : kUnneeded, [this] {
        unneeded_timer_ = 0;
        if (over_) std::exchange(over_, nullptr)();
      });
}

}  // namespace holdfast::containerd
