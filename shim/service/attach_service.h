#pragma once

#include <cstddef>
#include <memory>
#include <string>

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
  // Its connection is gone. An agent that never attached is lost as well.
  void OnConnectionClosed();

 private:
  class Session;

  void AddUnaryMethods(rpc::GrpcServer& server);

  Supervisor& supervisor_;
  Session* current_ = nullptr;  // has got its snapshot
};

}  // namespace holdfast::shim
