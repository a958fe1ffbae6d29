#pragma once

#include <cstddef>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "api/shim.pb.h"
#include "shim/rpc/grpc_server.h"
#include "shim/service/supervisor.h"

namespace holdfast::shim {

// The service Shim (api/shim.proto) on `server`: one agent at a time is
// attached, a newer one ends the older one's stream. Bad requests get
// InvalidArgument and change nothing. One that does not read is dropped, and
// lost: when it reads again it attaches again, and finds all in the snapshot.
class AttachService {
 public:
  // What may wait for an agent beside its snapshot.
  static constexpr size_t kMostUnsentBytes = size_t{1024} * 1024;

  AttachService(rpc::GrpcServer& server, Supervisor& supervisor);
  ~AttachService();

  // Passes a durable record on to the agent, if one is there.
  void OnRecord(const v1::JournalRecord& record);
  // Everything was passed on: ends the stream.
  void OnOver();
  // The connection of the agent that started this shim is gone: an agent that
  // never attached is lost as well. Others' connections mean nothing.
  void OnStarterGone();

 private:
  class Session;

  // Answers each call to `method` with `answer`.
  template <typename Request, typename Response>
  void AddUnary(
      rpc::GrpcServer& server, absl::string_view method,
      absl::StatusOr<Response> (AttachService::*answer)(const Request&));

  absl::StatusOr<v1::ShimLaunchTaskResponse> LaunchTask(
      const v1::ShimLaunchTaskRequest& request);
  absl::StatusOr<v1::ShimKillResponse> Kill(const v1::ShimKillRequest& request);
  absl::StatusOr<v1::ShimConfigureResponse> Configure(
      const v1::ShimConfigureRequest& request);
  absl::StatusOr<v1::ShimSignalResponse> Signal(
      const v1::ShimSignalRequest& request);
  absl::StatusOr<v1::ShimStatusResponse> Status(
      const v1::ShimStatusRequest& request);
  absl::StatusOr<v1::ShimRepairJournalResponse> RepairJournal(
      const v1::ShimRepairJournalRequest& request);

  Supervisor& supervisor_;
  Session* current_ = nullptr;  // has got its snapshot
};

}  // namespace holdfast::shim
