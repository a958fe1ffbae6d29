#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>

#include "shim/containerd/answer.h"
#include "shim/containerd/container.h"
#include "shim/rpc/ttrpc_server.h"

namespace holdfast::containerd {

// containerd's Task service (api/containerd/task.proto) for the containers of
// one shim, under both of its names (containerd.task.v2.Task and v3, which are
// the same on the wire). An id that is not there is NotFound; so is what was
// asked for of a container that is deleted meanwhile.
class TaskService {
 public:
  // `over` is called once, when the shim is not needed any more: Shutdown was
  // asked for and no container is left, or there is neither a container nor a
  // daemon that may ask for one for a while.
  TaskService(const Surroundings& surroundings, rpc::TtrpcServer& server,
              std::function<void()> over);
  ~TaskService();

 private:
  template <typename Request, typename Response>
  void Add(absl::string_view name,
           void (TaskService::*method)(const Request&, Answer<Response>));

  absl::StatusOr<Container*> Find(const std::string& id);
  absl::StatusOr<Process*> FindProcess(const std::string& id,
                                       const std::string& exec_id);

  void Create(const task::CreateTaskRequest& request,
              Answer<task::CreateTaskResponse> answer);
  void Start(const task::StartRequest& request,
             Answer<task::StartResponse> answer);
  void State(const task::StateRequest& request,
             Answer<task::StateResponse> answer);
  void AnswerWithReader(const task::StateRequest& request, int looks,
                        Answer<task::StateResponse> answer);
  void Delete(const task::DeleteRequest& request,
              Answer<task::DeleteResponse> answer);
  void Exec(const task::ExecProcessRequest& request, Answer<Empty> answer);
  void ResizePty(const task::ResizePtyRequest& request, Answer<Empty> answer);
  void Pause(const task::PauseRequest& request, Answer<Empty> answer);
  void Resume(const task::ResumeRequest& request, Answer<Empty> answer);
  void Kill(const task::KillRequest& request, Answer<Empty> answer);
  void Pids(const task::PidsRequest& request,
            Answer<task::PidsResponse> answer);
  void CloseIO(const task::CloseIORequest& request, Answer<Empty> answer);
  void Checkpoint(const task::CheckpointTaskRequest& request,
                  Answer<Empty> answer);
  void Update(const task::UpdateTaskRequest& request, Answer<Empty> answer);
  void Wait(const task::WaitRequest& request,
            Answer<task::WaitResponse> answer);
  void Stats(const task::StatsRequest& request,
             Answer<task::StatsResponse> answer);
  void Connect(const task::ConnectRequest& request,
               Answer<task::ConnectResponse> answer);
  void Shutdown(const task::ShutdownRequest& request, Answer<Empty> answer);

  void OnConnectionOpened(uint64_t connection);
  void OnConnectionClosed(uint64_t connection);
  void CheckNeeded();

  const Surroundings& surroundings_;
  rpc::TtrpcServer& server_;
  std::function<void()> over_;
  std::map<std::string, std::shared_ptr<Container>> containers_;
  std::set<std::string> being_made_;
  std::set<uint64_t> connections_;
  std::set<uint64_t> attached_;  // those that have asked for anything
  bool given_up_ = false;        // a task of ours was
  // By a daemon that is there and looked here for what it does not know.
  bool forgotten_ = false;
  EventLoop::TimerId unneeded_timer_ = 0;
};

}  // namespace holdfast::containerd
