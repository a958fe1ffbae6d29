#include "tests/shim/service/shim_pair.h"

#include <utility>

#include "base/unix_socket.h"

namespace holdfast::shim {

void ShimPairTest::Serve(const v1::Intent& intent) {
  ASSERT_TRUE(Start(intent).ok());
  server_ = std::make_unique<rpc::GrpcServer>(*loop_);
  attach_ = std::make_unique<AttachService>(*server_, *supervisor_);
  link_ = std::make_unique<ExecutorLink>(*server_, *supervisor_);
  supervisor_->Listen({
      .on_record =
          [this](const auto& record) {
            records_.push_back(record);
            attach_->OnRecord(record);
          },
      .on_over =
          [this] {
            ++over_;
            attach_->OnOver();
          },
      .on_task = [this] { link_->DeliverTasks(); },
      .on_kill = [this](const auto& kill) { link_->DeliverKill(kill); },
  });
}

void ShimPairTest::TearDown() {
  valve_.reset();
  server_.reset();
  SupervisorTest::TearDown();
}

std::unique_ptr<rpc::GrpcClient> ShimPairTest::Connect() {
  std::pair<UniqueFd, UniqueFd> ends = std::move(UnixPair()).value();
  EXPECT_TRUE(server_->Serve(std::move(ends.first)).ok());
  return std::make_unique<rpc::GrpcClient>(*loop_, std::move(ends.second),
                                           [](absl::Status) {});
}

std::unique_ptr<rpc::GrpcClient> ShimPairTest::ConnectThroughValve() {
  std::pair<UniqueFd, UniqueFd> shim_side = std::move(UnixPair()).value();
  std::pair<UniqueFd, UniqueFd> client_side = std::move(UnixPair()).value();
  EXPECT_TRUE(server_->Serve(std::move(shim_side.first)).ok());
  valve_ = std::make_unique<Valve>(*loop_, std::move(shim_side.second),
                                   std::move(client_side.first));
  return std::make_unique<rpc::GrpcClient>(
      *loop_, std::move(client_side.second), [](absl::Status) {});
}

AttachStream ShimPairTest::AttachWhole(rpc::GrpcClient& client,
                                       const std::string& incarnation) {
  AttachStream stream = Attach(client);
  stream.Send(Hello(incarnation));
  EXPECT_TRUE(RunUntil([&] { return stream.count() == 1; }));
  stream.Send(Confirm());
  EXPECT_TRUE(RunUntil([&] { return stream.count() >= 2; }));
  return stream;
}

absl::StatusOr<std::string> ShimPairTest::Answer(rpc::GrpcClient& client,
                                                 absl::string_view method,
                                                 const std::string& request) {
  auto answer = std::make_shared<std::optional<absl::StatusOr<std::string>>>();
  client.Unary(
      method, request, absl::InfiniteDuration(),
      [answer](absl::StatusOr<std::string> got) { *answer = std::move(got); });
  EXPECT_TRUE(RunUntil([&] { return answer->has_value(); }));
  return answer->value_or(absl::UnknownError("no answer"));
}

}  // namespace holdfast::shim
