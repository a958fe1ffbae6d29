// /metrics, scraped from a real agent.

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sysexits.h>
#include <unistd.h>

#include <set>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "base/files.h"
#include "base/unique_fd.h"
#include "gmock/gmock.h"
#include "tests/integration/agent_fixture.h"

namespace holdfast {
namespace {

using testing::HasSubstr;
using testing::Not;

// The answer to a GET, head and body; "" when nobody listens.
std::string Get(uint16_t port, const std::string& path) {
  const UniqueFd fd(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (connect(fd.get(), reinterpret_cast<const sockaddr*>(&address),
              sizeof address) != 0) {
    return "";
  }
  const std::string request = absl::StrCat(
      "GET ", path, " HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n");
  EXPECT_EQ(send(fd.get(), request.data(), request.size(), MSG_NOSIGNAL),
            static_cast<ssize_t>(request.size()));
  std::string answer;
  char buffer[4096];
  ssize_t got;
  while ((got = read(fd.get(), buffer, sizeof buffer)) > 0)
    answer.append(buffer, static_cast<size_t>(got));
  return answer;
}

class Metrics : public AgentTest {
 protected:
  void SetUp() override {
    AgentTest::SetUp();
    if (IsSkipped()) return;
    Register(kFramework);
    KillAgent();
    agent().SetFlags({"--metrics_address=127.0.0.1:0"});
    ASSERT_NO_FATAL_FAILURE(StartAgent());
    WaitUntilRecovered();
    port_ = PortInLog();
    ASSERT_NE(port_, 0);
  }

  // The kernel's choice, which the log tells.
  uint16_t PortInLog() {
    const std::string log = AgentLog();
    const size_t at = log.rfind("serving metrics");
    if (at == std::string::npos) return 0;
    uint32_t port = 0;
    const size_t number = log.find("port=", at) + 5;
    EXPECT_TRUE(absl::SimpleAtoi(
        log.substr(number, log.find('\n', number) - number), &port));
    return static_cast<uint16_t>(port);
  }

  std::string Scrape() { return holdfast::Get(port_, "/metrics"); }
  bool Tells(const std::string& line) {
    return absl::StrContains(Scrape(), "\n" + line + "\n");
  }

  uint16_t port_ = 0;
};

TEST_F(Metrics, TellWhatHappens) {
  const v1::Task kept = Launch(ShellTask("kept", "sleep 1000"));
  Launch(ShellTask("done", "true"));
  EXPECT_FALSE(TryLaunch(CommandTask("bad", {"/no/such/program"})).ok());
  EXPECT_TRUE(Eventually([&] { return HasEnded("done"); }));

  const std::string text = Scrape();

  EXPECT_THAT(text, HasSubstr("200 OK"));
  EXPECT_TRUE(Tells("holdfast_launches_total 3")) << text;
  EXPECT_TRUE(Tells("holdfast_launch_failures_total 1"));
  EXPECT_TRUE(Tells("holdfast_executors{state=\"attached\"} 1"));
  EXPECT_TRUE(Tells("holdfast_frameworks 1"));
  EXPECT_TRUE(Tells("holdfast_shortest_fence_seconds 900"));
  EXPECT_TRUE(Tells("holdfast_recovering 0"));
  // RUNNING of two, the end of two.
  EXPECT_TRUE(Tells("holdfast_unacknowledged_updates 4")) << text;
  // No id is a label.
  EXPECT_THAT(text, Not(HasSubstr(kept.container_id())));
  EXPECT_THAT(text, Not(HasSubstr(absl::StrCat("\"", kFramework, "\""))));

  Watch(kFramework);  // acknowledges
  EXPECT_TRUE(
      Eventually([&] { return Tells("holdfast_unacknowledged_updates 0"); }));
  EXPECT_TRUE(Tells("holdfast_acknowledgements_total 4"));
  EXPECT_TRUE(Kill("kept", absl::ZeroDuration()).ok());
  EXPECT_TRUE(Tells("holdfast_kills_total 1"));
}

TEST_F(Metrics, TellWhatTheLastRecoveryDecided) {
  Launch(ShellTask("kept", "sleep 1000"));
  ASSERT_NO_FATAL_FAILURE(RestartAgent());
  port_ = PortInLog();

  EXPECT_TRUE(Tells("holdfast_recovery_executors 1")) << Scrape();
  EXPECT_TRUE(
      Tells("holdfast_recovery_outcomes{decision=\"REATTACHED\","
            "reason=\"SHIM_ALIVE\"} 1"));
}

TEST_F(Metrics, AreAllInTheManual) {
  const std::string page = Must(ReadSmallFile(MAN_PAGE));
  std::set<std::string> names;
  for (const absl::string_view line : absl::StrSplit(Scrape(), '\n')) {
    if (!absl::StartsWith(line, "# TYPE ")) continue;
    names.insert(std::vector<std::string>(absl::StrSplit(line, ' '))[2]);
  }

  EXPECT_GE(names.size(), 12u);
  for (const std::string& name : names) {
    // prometheus-cpp's own, of the scraping itself.
    if (absl::StartsWith(name, "exposer_")) continue;
    EXPECT_THAT(page, HasSubstr(name));
  }
}

TEST_F(Metrics, AreRefusedAnAddressThatIsTaken) {
  KillAgent();
  const UniqueFd taken(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  ASSERT_EQ(bind(taken.get(), reinterpret_cast<const sockaddr*>(&address),
                 sizeof address),
            0);
  ASSERT_EQ(listen(taken.get(), 1), 0);
  ASSERT_EQ(
      getsockname(taken.get(), reinterpret_cast<sockaddr*>(&address), &size),
      0);
  const std::string where = absl::StrCat("127.0.0.1:", ntohs(address.sin_port));
  agent().SetFlags({"--metrics_address=" + where});

  EXPECT_TRUE(agent().Spawn().ok());

  EXPECT_EQ(AwaitAgentsEnd(), absl::StrCat("exited ", EX_CANTCREAT));
  EXPECT_THAT(AgentLog(), HasSubstr("--metrics_address " + where));
}

class NoMetrics : public AgentTest {};

TEST_F(NoMetrics, AreServedWithoutAnAddress) {
  EXPECT_THAT(AgentLog(), Not(HasSubstr("serving metrics")));
}

}  // namespace
}  // namespace holdfast
