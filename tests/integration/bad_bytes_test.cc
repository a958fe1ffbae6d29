// Whatever a client sends, on the plugin's socket or on a shim's, is that
// client's trouble alone.

#include <random>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "tests/integration/agent_fixture.h"
#include "tests/integration/raw_socket.h"

namespace holdfast {
namespace {

std::string Frame(char type, char flags, int stream, std::string payload) {
  std::string frame;
  for (const int shift : {16, 8, 0})
    frame += static_cast<char>(payload.size() >> shift);
  frame += type;
  frame += flags;
  for (const int shift : {24, 16, 8, 0})
    frame += static_cast<char>(stream >> shift);
  return frame + payload;
}

std::string RandomBytes(size_t size) {
  std::mt19937 random(20261123);
  std::string bytes;
  for (size_t i = 0; i < size; ++i) bytes += static_cast<char>(random());
  return bytes;
}

std::vector<std::string> BadConversations() {
  const std::string preface(kHttp2Preface);
  return {
      "",
      "GET / HTTP/1.1\r\nHost: agent\r\n\r\n",
      RandomBytes(100'000),
      preface.substr(0, 10),
      preface,
      preface + RandomBytes(100'000),
      preface + Frame(1, 4, 1, RandomBytes(200)),        // headers: not HPACK
      preface + Frame(1, 0, 1, ""),                      // and never their end
      preface + Frame(0, 0, 1, std::string(100, 'x')),   // data of no stream
      preface + Frame(8, 0, 0, std::string(4, '\0')),    // a window of zero
      preface + Frame(4, 0, 0, "abc"),                   // settings of 3 bytes
      preface + std::string("\xff\xff\xff\x00\x00", 5),  // 16 MB to come
  };
}

class BadBytes : public AgentTest {
 protected:
  void SetUp() override {
    AgentTest::SetUp();
    if (IsSkipped()) return;
    Register(kFramework);
    Watch(kFramework);
    task_ = Launch(ShellTask("target", "sleep 1000"));
    bystander_ = Launch(ShellTask("bystander", "sleep 1000"));
    AwaitRunning({"target", "bystander"});
  }

  // Each said by one that hangs up at once, and by one that stays.
  void SayAll(const std::string& socket) {
    for (const std::string& bytes : BadConversations()) {
      RawSocket(socket).Send(bytes);
      staying_.push_back(std::make_unique<RawSocket>(socket));
      staying_.back()->Send(bytes);
    }
  }

  void ExpectUndisturbed(const v1::Task& before) {
    const v1::Task now = Get(before.task_id()).task();
    EXPECT_EQ(now.pid(), before.pid());
    EXPECT_EQ(now.shim_pid(), before.shim_pid());
    EXPECT_TRUE(now.attached()) << now.condition();
  }

  // Each through its shim.
  void ExpectKillable(const std::string& task_id) {
    EXPECT_TRUE(Kill(task_id).ok());
    EXPECT_EQ(AwaitEnd(task_id).state(), v1::TASK_KILLED);
  }

  v1::Task task_;
  v1::Task bystander_;
  std::vector<std::unique_ptr<RawSocket>> staying_;
};

TEST_F(BadBytes, OnThePluginsSocketDisturbNobody) {
  const pid_t agent_pid = agent().pid();

  SayAll(agent().runtime_dir() + "/holdfastd.sock");

  EXPECT_EQ(Must(client().Call(&Stub::GetAgent, v1::GetAgentRequest())).pid(),
            agent_pid);
  EXPECT_EQ(ctl::RunCtl(address(), {"info"}).exit_code, 0);
  ExpectUndisturbed(task_);
  ExpectUndisturbed(bystander_);
  EXPECT_GT(Launch(ShellTask("another", "sleep 1000")).pid(), 0);
  for (const char* id : {"target", "bystander", "another"}) ExpectKillable(id);
}

TEST_F(BadBytes, OnAShimsSocketDisturbNobody) {
  SayAll(absl::StrCat(agent().runtime_dir(), "/shims/", task_.container_id(),
                      "/shim.sock"));

  ExpectUndisturbed(task_);
  ExpectUndisturbed(bystander_);
  RestartAgent();
  ExpectUndisturbed(task_);
  ExpectUndisturbed(bystander_);
  for (const char* id : {"target", "bystander"}) ExpectKillable(id);
}

}  // namespace
}  // namespace holdfast
