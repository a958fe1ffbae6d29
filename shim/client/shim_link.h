#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "api/shim.pb.h"
#include "base/event_loop.h"
#include "base/unique_fd.h"
#include "shim/rpc/grpc_client.h"

namespace holdfast {

// The agent's half of the attach exchange with one shim (api/shim.proto), and
// the calls to it. Everything happens on the loop.
class ShimLink {
 public:
  using Done = std::function<void(absl::Status)>;

  struct Events {
    // Answered with `confirm` when it returns.
    std::function<void(const v1::AttachResponse::Snapshot&)> on_snapshot;
    std::function<void()> on_attached;
    std::function<void(const v1::JournalRecord&)> on_record;
    // The last one; the link may be destroyed in it. Then every pending call
    // fails with Unavailable RECOVERING.
    std::function<void(absl::Status)> on_lost;
  };

  // Says hello on `connected`.
  ShimLink(EventLoop& loop, UniqueFd connected, const std::string& agent_id,
           const std::string& agent_incarnation, Events events);
  ~ShimLink();  // calls nothing back

  void LaunchTask(const v1::TaskInfo& task, Done done);
  void Kill(const v1::ShimKillRequest& request, Done done);
  void Configure(const v1::ShimConfigureRequest& request,
                 std::function<void(absl::StatusOr<v1::FenceStatus>)> done);
  // Not sent again by itself: Unavailable may mean that it was sent.
  void Signal(int signal, Done done);
  // Only whether it answers.
  void Ask(Done done);
  // In the shim's words, for a log; empty: there was nothing to repair.
  void RepairJournal(std::function<void(absl::StatusOr<std::string>)> done);
  void Acknowledge(const std::string& uuid, Done done);

 private:
  struct Acknowledging {
    std::vector<Done> waiting;
    EventLoop::TimerId timer = 0;
  };

  void OnMessage(absl::string_view bytes);
  void OnDone(const absl::Status& status);
  void FailAll(const absl::Status& why);
  void OnAnswer(uint64_t call, absl::StatusOr<std::string> answer);
  void OnAcknowledged(const std::string& uuid, const absl::Status& status);
  // `done` gets the response's bytes.
  using Answered = std::function<void(absl::StatusOr<std::string>)>;
  void Call(absl::string_view method, const std::string& request,
            Answered done);

  EventLoop& loop_;
  Events events_;
  bool lost_ = false;
  // What was posted asks whether this link still is.
  std::shared_ptr<int> alive_ = std::make_shared<int>();
  absl::flat_hash_map<std::string, Acknowledging> acknowledging_;  // by uuid
  uint64_t last_call_ = 0;
  absl::flat_hash_map<uint64_t, Answered> calls_;
  rpc::GrpcClient client_;
  rpc::ClientCall* attach_;
};

}  // namespace holdfast
