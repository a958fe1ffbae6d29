// Ping is answered whatever the agent's loop does; here it does nothing.

#include <gmock/gmock.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <thread>

#include "absl/time/clock.h"
#include "base/files.h"
#include "plugin/service/orchestrator_service.h"
#include "tests/fakes/temporary_directory.h"
#include "tests/plugin/service/no_cgroups.h"

namespace holdfast {
namespace {

AgentOptions SomeAgent() {
  AgentOptions options;
  options.record.mutable_agent()->set_agent_id("agent-1");
  options.incarnation = "life-1";
  options.boot_id = "boot-1";
  return options;
}

void SetTimeout(grpc::ClientContext& context, absl::Duration timeout) {
  context.set_deadline(absl::ToChronoTime(absl::Now() + timeout));
}

TEST(Ping, IsAnsweredWhileTheLoopIsBusy) {
  const TemporaryDirectory directory;
  auto store = AgentStore::Open(SystemFiles(),
                                Layout{directory / "work", directory / "run"});
  ASSERT_TRUE(store.ok()) << store.status();
  auto loop = EventLoop::Create();
  ASSERT_TRUE(loop.ok()) << loop.status();
  WorkerPool workers(1);
  NoCgroups cgroups;
  Agent agent(**loop, workers, SystemFiles(), **store, cgroups, SomeAgent());
  OrchestratorService service(**loop, workers, agent);
  const std::string address = "unix:" + (directory / "agent.sock");
  grpc::ServerBuilder builder;
  builder.AddListeningPort(address, grpc::InsecureServerCredentials());
  builder.RegisterService(&service);
  const std::unique_ptr<grpc::Server> server = builder.BuildAndStart();
  const auto stub = v1::Orchestrator::NewStub(
      grpc::CreateChannel(address, grpc::InsecureChannelCredentials()));

  grpc::ClientContext ping_context;
  SetTimeout(ping_context, absl::Seconds(20));
  v1::PingResponse pong;
  const grpc::Status ping = stub->Ping(&ping_context, v1::PingRequest(), &pong);
  grpc::ClientContext other_context;
  SetTimeout(other_context, absl::Milliseconds(100));
  v1::GetAgentResponse agent_response;
  const grpc::Status other =
      stub->GetAgent(&other_context, v1::GetAgentRequest(), &agent_response);

  EXPECT_TRUE(ping.ok()) << ping.error_message();
  EXPECT_EQ(pong.agent_id(), "agent-1");
  EXPECT_EQ(pong.agent_incarnation(), "life-1");
  EXPECT_EQ(pong.boot_id(), "boot-1");
  EXPECT_TRUE(pong.recovering());
  EXPECT_FALSE(pong.shut_down());
  EXPECT_EQ(other.error_code(), grpc::StatusCode::DEADLINE_EXCEEDED);
  // What is left is answered now.
  std::thread running([&loop] { (*loop)->Run(); });
  server->Shutdown();
  (*loop)->Stop();
  running.join();
}

}  // namespace
}  // namespace holdfast
