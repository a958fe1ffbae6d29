#include "plugin/identity/reconfiguration.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "api/reasons.h"
#include "api/values.h"

namespace holdfast {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using Policy = ReconfigurationPolicy;

v1::AgentInfo Info(absl::string_view resources, absl::string_view attributes,
                   const std::string& hostname = "host") {
  v1::AgentInfo info;
  info.set_hostname(hostname);
  EXPECT_TRUE(ParseResources(resources, &info).ok()) << resources;
  EXPECT_TRUE(ParseAttributes(attributes, &info).ok()) << attributes;
  return info;
}

bool Allows(Policy policy, const v1::AgentInfo& stored,
            const v1::AgentInfo& now) {
  return CheckReconfiguration(stored, now, policy).ok();
}

TEST(Reconfiguration, IsAllowedAsThePolicySays) {
  const struct {
    const char* what;
    v1::AgentInfo stored;
    v1::AgentInfo now;
    bool equal;
    bool additive;
  } kCases[] = {
      {"nothing", Info("cpus:8", "rack:a"), Info("cpus:8", "rack:a"), true,
       true},
      {"order and spelling", Info("cpus:8;p:[1-2,3-4];d:{a,b}", "x:1;y:2"),
       Info("d:{b,a};p:[1-4];cpus:8.000", "y:2.0;x:1"), true, true},
      {"hostname", Info("", "", "a"), Info("", "", "b"), false, false},
      {"larger scalar", Info("cpus:8", ""), Info("cpus:9", ""), false, true},
      {"smaller scalar", Info("cpus:8", ""), Info("cpus:7.999", ""), false,
       false},
      {"wider ranges", Info("p:[5-9]", ""), Info("p:[5-10]", ""), false, true},
      {"narrower ranges", Info("p:[5-9]", ""), Info("p:[5-6,8-9]", ""), false,
       false},
      {"larger set", Info("d:{a}", ""), Info("d:{a,b}", ""), false, true},
      {"smaller set", Info("d:{a,b}", ""), Info("d:{b}", ""), false, false},
      {"new resource", Info("cpus:8", ""), Info("cpus:8;gpus:1", ""), false,
       true},
      {"gone resource", Info("cpus:8;gpus:1", ""), Info("cpus:8", ""), false,
       false},
      {"more for another role", Info("cpus(a):2;cpus(b):2", ""),
       Info("cpus(a):1;cpus(b):3", ""), false, false},
      {"another kind", Info("x:8", ""), Info("x:[1-8]", ""), false, false},
      {"new attribute", Info("", ""), Info("", "rack:a"), false, true},
      {"gone attribute", Info("", "rack:a"), Info("", ""), false, false},
      {"other text", Info("", "rack:a"), Info("", "rack:b"), false, false},
      {"larger attribute", Info("", "w:1.5"), Info("", "w:2"), false, true},
      {"smaller attribute", Info("", "w:1.5"), Info("", "w:1"), false, false},
      {"wider attribute", Info("", "p:[1-2]"), Info("", "p:[1-3]"), false,
       true},
  };
  for (const auto& [what, stored, now, equal, additive] : kCases) {
    EXPECT_EQ(Allows(Policy::kEqual, stored, now), equal) << what;
    EXPECT_EQ(Allows(Policy::kAdditive, stored, now), additive) << what;
    EXPECT_TRUE(Allows(Policy::kAny, stored, now)) << what;
  }
}

TEST(Reconfiguration, RefusesWithEveryKeyAndTheCure) {
  const absl::Status refused = CheckReconfiguration(
      Info("cpus:8;disk:10;mem(web):64", "rack:a", "old"),
      Info("cpus:4;disk:10;gpus:1", "rack:b", "new"), Policy::kAdditive);

  EXPECT_EQ(refused.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(ReasonOf(refused), kReconfigurationRefused);
  EXPECT_THAT(std::string(refused.message()),
              HasSubstr("attribute rack: a -> b; hostname: old -> new; "
                        "resource cpus: 8 -> 4; resource mem(web): 64 -> "
                        "none;"));
  EXPECT_THAT(std::string(refused.message()), Not(HasSubstr("gpus")));
  EXPECT_THAT(std::string(refused.message()),
              HasSubstr("or with --reconfiguration_policy=any"));
}

TEST(Reconfiguration, NamesTheNarrowestPolicyThatWouldDo) {
  EXPECT_THAT(
      std::string(CheckReconfiguration(Info("cpus:1", ""), Info("cpus:2", ""),
                                       Policy::kEqual)
                      .message()),
      HasSubstr("or with --reconfiguration_policy=additive"));
}

class Reconfigured : public testing::Test {
 protected:
  Reconfigured() {
    *record_.mutable_agent() = Info("cpus:8", "rack:a");
    record_.mutable_agent()->set_agent_id("agent-1");
    record_.set_boot_id("boot-1");
  }

  v1::AgentRecord record_;
};

TEST_F(Reconfigured, KeepsTheIdAndTakesTheRest) {
  EXPECT_TRUE(Reconfigure(Info("cpus:9", "rack:a", "other"), Policy::kAny,
                          "boot-1", &record_)
                  .ok());

  EXPECT_EQ(record_.agent().agent_id(), "agent-1");
  EXPECT_EQ(record_.agent().hostname(), "other");
  EXPECT_EQ(FormatResources(record_.agent()), "cpus:9");
}

TEST_F(Reconfigured, IsAsItWasWhenItIsRefused) {
  const std::string before = record_.SerializeAsString();

  EXPECT_FALSE(
      Reconfigure(Info("cpus:9", ""), Policy::kEqual, "boot-1", &record_).ok());

  EXPECT_EQ(record_.SerializeAsString(), before);
}

TEST_F(Reconfigured, MayBecomeAnythingByAReboot) {
  EXPECT_TRUE(
      Reconfigure(Info("cpus:1", ""), Policy::kEqual, "boot-2", &record_).ok());

  EXPECT_EQ(record_.agent().agent_id(), "agent-1");
  EXPECT_EQ(FormatResources(record_.agent()), "cpus:1");
}

TEST_F(Reconfigured, IsNotComparedWithARecordThatWasNeverStored) {
  v1::AgentRecord fresh;
  fresh.mutable_agent()->set_agent_id("agent-2");

  EXPECT_TRUE(
      Reconfigure(Info("cpus:1", ""), Policy::kEqual, "boot-1", &fresh).ok());
}

}  // namespace
}  // namespace holdfast
