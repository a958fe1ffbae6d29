// What real peers send is what we write and read, byte for byte.
#include "tests/shim/rpc/ttrpc_vectors.h"

#include <gtest/gtest.h>

#include <string>

#include "api/containerd/events.pb.h"
#include "api/containerd/forward.pb.h"
#include "api/containerd/task.pb.h"
#include "api/containerd/ttrpc.pb.h"
#include "shim/rpc/ttrpc_frame.h"
#include "shim/rpc/ttrpc_messages.h"

namespace holdfast::rpc {
namespace {

namespace task = containerd::task::v2;
using containerd::services::events::ttrpc::v1::ForwardRequest;

constexpr char kTask[] = "containerd.task.v2.Task";
constexpr char kEvents[] = "containerd.services.events.ttrpc.v1.Events";
const TtrpcMetadata kNamespace = {{"containerd-namespace-ttrpc", "default"}};

// The one frame of a vector.
TtrpcFramer::Frame Frame(absl::string_view hex) {
  TtrpcFramer framer;
  framer.Add(VectorBytes(hex));
  const auto frame = framer.Next();
  EXPECT_TRUE(frame.has_value()) << hex;
  EXPECT_FALSE(framer.Next().has_value()) << hex;
  return frame.value_or(TtrpcFramer::Frame());
}

// Both ways between a request's vector and what it says.
void ExpectRequest(absl::string_view hex, uint32_t stream,
                   const std::string& service, const std::string& method,
                   const std::string& payload, int64_t timeout_nano,
                   const TtrpcMetadata& metadata) {
  const TtrpcFramer::Frame frame = Frame(hex);
  EXPECT_EQ(frame.header.stream, stream);
  EXPECT_EQ(frame.header.type, 1);
  EXPECT_EQ(frame.header.flags, 0);
  ttrpc::Request request;
  ASSERT_TRUE(request.ParseFromString(frame.data));
  EXPECT_EQ(request.service(), service);
  EXPECT_EQ(request.method(), method);
  EXPECT_EQ(request.payload(), payload);
  EXPECT_EQ(request.timeout_nano(), timeout_nano);

  const absl::Duration timeout = timeout_nano == 0
                                     ? absl::InfiniteDuration()
                                     : absl::Nanoseconds(timeout_nano);
  EXPECT_EQ(
      absl::BytesToHexString(TtrpcFrame(
          TtrpcType::kRequest, stream,
          EncodeTtrpcRequest(service, method, payload, timeout, metadata))),
      hex);
}

void ExpectResponse(absl::string_view hex, uint32_t stream,
                    const absl::StatusOr<std::string>& result) {
  const TtrpcFramer::Frame frame = Frame(hex);
  EXPECT_EQ(frame.header.stream, stream);
  EXPECT_EQ(frame.header.type, 2);
  EXPECT_EQ(frame.header.flags, 0);
  const absl::StatusOr<std::string> decoded = DecodeTtrpcResponse(frame.data);
  EXPECT_EQ(decoded.status(), result.status());
  EXPECT_EQ(decoded.value_or(""), result.value_or(""));

  EXPECT_EQ(absl::BytesToHexString(TtrpcFrame(TtrpcType::kResponse, stream,
                                              EncodeTtrpcResponse(result))),
            hex);
}

// Of the task in the vectors with an end.
void SetExitedAt(google::protobuf::Timestamp& time) {
  time.set_seconds(1795444190);
  time.set_nanos(871990767);
}

ForwardRequest Forward(const std::string& topic, int64_t seconds, int32_t nanos,
                       const google::protobuf::Message& event) {
  ForwardRequest request;
  auto& envelope = *request.mutable_envelope();
  envelope.mutable_timestamp()->set_seconds(seconds);
  envelope.mutable_timestamp()->set_nanos(nanos);
  envelope.set_namespace_("default");
  envelope.set_topic(topic);
  envelope.mutable_event()->set_type_url(event.GetTypeName());
  envelope.mutable_event()->set_value(event.SerializeAsString());
  return request;
}

TEST(TtrpcVectors, OfConnect) {
  task::ConnectRequest request;
  request.set_id("f1795442337");
  ExpectRequest(kConnectRequest, 3, kTask, "Connect",
                request.SerializeAsString(), 0, {});

  task::ConnectResponse response;
  response.set_shim_pid(19204);
  response.set_task_pid(19228);
  ExpectResponse(kConnectResponse, 3, response.SerializeAsString());
}

TEST(TtrpcVectors, OfPidsWithMetadata) {
  task::PidsRequest request;
  request.set_id("f1795442337");
  ExpectRequest(kPidsRequest, 3, kTask, "Pids", request.SerializeAsString(), 0,
                kNamespace);

  ExpectResponse(kEmptyResponse, 3, std::string());
}

TEST(TtrpcVectors, OfShutdownWithADeadline) {
  task::ShutdownRequest request;
  request.set_id("f1795442337");
  ExpectRequest(kShutdownRequest, 7, kTask, "Shutdown",
                request.SerializeAsString(), 2999935573, kNamespace);
}

TEST(TtrpcVectors, OfKill) {
  task::KillRequest request;
  request.set_id("o1795442429");
  request.set_signal(15);
  ExpectRequest(kKillRequest, 77, kTask, "Kill", request.SerializeAsString(), 0,
                {});
}

TEST(TtrpcVectors, OfErrors) {
  ExpectResponse(kNotFoundResponse, 37,
                 absl::NotFoundError("process already finished: not found"));
  ExpectResponse(kUnimplementedResponse, 7,
                 absl::UnimplementedError("method Bogus"));
}

TEST(TtrpcVectors, OfWait) {
  task::WaitResponse response;
  response.set_exit_status(7);
  SetExitedAt(*response.mutable_exited_at());
  ExpectResponse(kWaitResponse, 5, response.SerializeAsString());
}

TEST(TtrpcVectors, OfATaskThatExits) {
  containerd::events::TaskExit exit;
  exit.set_container_id("ev1");
  exit.set_id("ev1");
  exit.set_pid(31661);
  exit.set_exit_status(7);
  SetExitedAt(*exit.mutable_exited_at());
  ExpectRequest(
      kForwardExitRequest, 5, kEvents, "Forward",
      Forward("/tasks/exit", 1795444190, 872334503, exit).SerializeAsString(),
      4999986490, kNamespace);
}

TEST(TtrpcVectors, OfATaskThatIsDeleted) {
  containerd::events::TaskDelete deleted;
  deleted.set_container_id("ev1");
  deleted.set_pid(31661);
  deleted.set_exit_status(7);
  SetExitedAt(*deleted.mutable_exited_at());
  ExpectRequest(kForwardDeleteRequest, 7, kEvents, "Forward",
                Forward("/tasks/delete", 1795444191, 182144523, deleted)
                    .SerializeAsString(),
                4999990325, kNamespace);
}

}  // namespace
}  // namespace holdfast::rpc
