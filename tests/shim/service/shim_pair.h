#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "shim/rpc/grpc_client.h"
#include "shim/rpc/grpc_server.h"
#include "shim/service/attach_service.h"
#include "shim/service/executor_link.h"
#include "tests/shim/service/supervisor_fixture.h"
#include "tests/shim/service/valve.h"

namespace holdfast::shim {

// One open stream as its client hears it. It may be forgotten while it is
// open: what comes then goes nowhere.
template <typename Request, typename Response>
class RecordedStream {
 public:
  RecordedStream(rpc::GrpcClient& client, absl::string_view path)
      : heard_(std::make_shared<Heard>()) {
    call_ = client.Start(
        path, absl::InfiniteDuration(),
        {.on_message =
             [heard = heard_](absl::string_view bytes) {
               heard->responses.emplace_back().ParseFromArray(
                   bytes.data(), static_cast<int>(bytes.size()));
             },
         .on_done =
             [heard = heard_](absl::Status status) { heard->end = status; }});
  }

  void Send(const Request& request) {
    call_->Send(request.SerializeAsString());
  }
  void SendBytes(absl::string_view bytes) { call_->Send(bytes); }
  void HalfClose() { call_->HalfClose(); }
  void Cancel() { call_->Cancel(); }

  const std::vector<Response>& responses() const { return heard_->responses; }
  size_t count() const { return heard_->responses.size(); }
  bool ended() const { return heard_->end.has_value(); }
  absl::Status end() const { return heard_->end.value_or(absl::OkStatus()); }

 private:
  struct Heard {
    std::vector<Response> responses;
    std::optional<absl::Status> end;
  };
  std::shared_ptr<Heard> heard_;
  rpc::ClientCall* call_;
};

using AttachStream = RecordedStream<v1::AttachRequest, v1::AttachResponse>;
using ExecutorStream = RecordedStream<v1::ExecutorCall, v1::ExecutorEvent>;

// A supervisor with its two services, and clients in the same loop.
class ShimPairTest : public SupervisorTest {
 protected:
  // Starts the shim; its services hear what the supervisor tells.
  void Serve(const v1::Intent& intent);
  void TearDown() override;

  // A connection of an agent's, or of an executor's.
  std::unique_ptr<rpc::GrpcClient> Connect();
  // One through a valve, which can keep its client from reading.
  std::unique_ptr<rpc::GrpcClient> ConnectThroughValve();

  AttachStream Attach(rpc::GrpcClient& client) {
    return AttachStream(client, "/holdfast.v1.Shim/Attach");
  }
  ExecutorStream ConnectExecutor(rpc::GrpcClient& client) {
    return ExecutorStream(client, "/holdfast.v1.Executor/Connect");
  }
  // Says hello and waits for the snapshot; then confirms.
  AttachStream AttachWhole(rpc::GrpcClient& client,
                           const std::string& incarnation = "life-1");
  bool RunUntilDetached() {
    return RunUntil(
        [this] { return CountRecords(v1::JournalRecord::kDetached) == 1; });
  }
  absl::Status EndOf(AttachStream& stream) {
    EXPECT_TRUE(RunUntil([&] { return stream.ended(); }));
    return stream.end();
  }
  absl::StatusOr<std::string> Answer(rpc::GrpcClient& client,
                                     absl::string_view method,
                                     const std::string& request);
  absl::Status Call(rpc::GrpcClient& client, absl::string_view method,
                    const std::string& request) {
    return Answer(client, method, request).status();
  }

  std::unique_ptr<rpc::GrpcServer> server_;
  std::unique_ptr<AttachService> attach_;
  std::unique_ptr<ExecutorLink> link_;
  std::unique_ptr<Valve> valve_;
};

inline v1::AttachRequest Hello(const std::string& incarnation = "life-1",
                               const std::string& agent_id = "a-1") {
  v1::AttachRequest request;
  request.mutable_hello()->set_agent_id(agent_id);
  request.mutable_hello()->set_agent_incarnation(incarnation);
  return request;
}
inline v1::AttachRequest Confirm() {
  v1::AttachRequest request;
  request.mutable_confirm();
  return request;
}
inline v1::AttachRequest AcknowledgementOf(const std::string& uuid) {
  v1::AttachRequest request;
  request.mutable_acknowledge()->set_uuid(uuid);
  return request;
}

}  // namespace holdfast::shim
