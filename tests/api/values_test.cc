#include "api/values.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "api/value_math.h"

namespace holdfast {
namespace {

using ::testing::HasSubstr;

std::string Resources(absl::string_view text) {
  v1::AgentInfo info;
  const absl::Status parsed = ParseResources(text, &info);
  EXPECT_TRUE(parsed.ok()) << parsed;
  return FormatResources(info);
}

std::string Attributes(absl::string_view text) {
  v1::AgentInfo info;
  const absl::Status parsed = ParseAttributes(text, &info);
  EXPECT_TRUE(parsed.ok()) << parsed;
  return FormatAttributes(info);
}

std::string ResourcesError(absl::string_view text) {
  v1::AgentInfo info;
  const absl::Status parsed = ParseResources(text, &info);
  EXPECT_EQ(parsed.code(), absl::StatusCode::kInvalidArgument) << text;
  return std::string(parsed.message());
}

v1::Value Value(absl::string_view text) {
  const absl::StatusOr<v1::Value> value = ParseValue(text);
  EXPECT_TRUE(value.ok()) << value.status();
  return value.value_or(v1::Value());
}

TEST(Resources, AreReadAsMesosWritesThem) {
  v1::AgentInfo info;

  const absl::Status parsed = ParseResources(
      "cpus:8;mem(web):16384;ports:[31000-32000, 80-80];disks:{sdb,sda}",
      &info);

  ASSERT_TRUE(parsed.ok()) << parsed;
  ASSERT_EQ(info.resources_size(), 4);
  EXPECT_EQ(info.resources(0).name(), "cpus");
  EXPECT_EQ(info.resources(0).role(), "*");
  EXPECT_EQ(info.resources(0).value().scalar(), 8);
  EXPECT_EQ(info.resources(1).name(), "mem");
  EXPECT_EQ(info.resources(1).role(), "web");
  EXPECT_EQ(info.resources(2).value().ranges().ranges(0).begin(), 80u);
  EXPECT_EQ(info.resources(2).value().ranges().ranges(1).end(), 32000u);
  EXPECT_THAT(info.resources(3).value().set().items(),
              testing::ElementsAre("sda", "sdb"));
}

TEST(Resources, AreWrittenInOneForm) {
  EXPECT_EQ(Resources(" cpus : 0.5 ;\n mem:1024;"), "cpus:0.5;mem:1024");
  EXPECT_EQ(Resources("cpus(*):16384.5"), "cpus:16384.5");
  EXPECT_EQ(Resources("ports:[5-9,1-4,20-30,8-12]"), "ports:[1-12,20-30]");
  EXPECT_EQ(Resources("ports:[18446744073709551615-18446744073709551615,1-2]"),
            "ports:[1-2,18446744073709551615-18446744073709551615]");
  EXPECT_EQ(Resources("d:{b, a,b}"), "d:{a,b}");
  EXPECT_EQ(Resources("d:{};p:[]"), "d:{};p:[]");
  EXPECT_EQ(Resources("mem:1234567890.1234"), "mem:1234567890.123");
  EXPECT_EQ(Resources(""), "");
}

TEST(Resources, OfOneNameAndRoleAreAddedUp) {
  EXPECT_EQ(Resources("cpus:1;cpus(a):2;cpus:0.1;cpus(a):3"),
            "cpus:1.1;cpus(a):5");
  EXPECT_EQ(Resources("p:[1-2];p:[3-4];d:{a};d:{b}"), "p:[1-4];d:{a,b}");
}

TEST(Resources, AreReadFromMesosJson) {
  EXPECT_EQ(
      Resources(R"([
        {"name": "cpus", "type": "SCALAR", "scalar": {"value": 7.5}},
        {"name": "ports", "type": "RANGES", "role": "*",
         "ranges": {"range": [{"begin": 1025, "end": 2180},
                              {"begin": 2182, "end": 3887}]}},
        {"name": "disks", "type": "SET", "role": "db",
         "set": {"item": ["b", "a"]}},
        {"name": "mem", "type": "SCALAR", "scalar": {"value": 64},
         "reservations": [{"type": "STATIC", "role": "eng"},
                          {"type": "STATIC", "role": "eng/web"}]}])"),
      "cpus:7.5;ports:[1025-2180,2182-3887];disks(db):{a,b};mem(eng/web):64");
}

TEST(Resources, AreRefusedByName) {
  EXPECT_THAT(ResourcesError("cpus"), HasSubstr("name:value"));
  EXPECT_THAT(ResourcesError("cpus:8;mem:lots"), HasSubstr("\"mem:lots\""));
  EXPECT_THAT(ResourcesError("cpus:"), HasSubstr("empty"));
  EXPECT_THAT(ResourcesError(":8"), HasSubstr("no name of a resource"));
  EXPECT_THAT(ResourcesError("cpus(a:8"), HasSubstr("not closed"));
  EXPECT_THAT(ResourcesError("cpus():8"), HasSubstr("no name of a role"));
  EXPECT_THAT(ResourcesError("cpus:-1"), HasSubstr("negative"));
  EXPECT_THAT(ResourcesError("cpus:nan"), HasSubstr("a number"));
  EXPECT_THAT(ResourcesError("cpus:inf"), HasSubstr("a number"));
  EXPECT_THAT(ResourcesError("p:[5-1]"), HasSubstr("\"5-1\" is no range"));
  EXPECT_THAT(ResourcesError("p:[1-2"), HasSubstr("not closed"));
  EXPECT_THAT(ResourcesError("d:{a,,b}"), HasSubstr("an item is empty"));
  EXPECT_THAT(ResourcesError("x:1;x:[1-2]"), HasSubstr("two kinds"));
  EXPECT_THAT(ResourcesError("[{\"name\":"), HasSubstr("no JSON"));
  EXPECT_THAT(ResourcesError(R"([{"name":"cpus","type":"SCALAR"}])"),
              HasSubstr("\"cpus\""));
  EXPECT_THAT(ResourcesError(
                  R"([{"name":"p","type":"RANGES","ranges":
               {"range":[{"begin":1.5,"end":2}]}}])"),
              HasSubstr("\"p\""));
}

TEST(Attributes, AreReadAsMesosWritesThem) {
  EXPECT_EQ(Attributes("rack:abc; zone : west ;os:{b,a};ports:[1-2];w:1.50"),
            "rack:abc;zone:west;os:{a,b};ports:[1-2];w:1.5");
  EXPECT_EQ(Attributes("url:http://a:80"), "url:http://a:80");
}

TEST(Attributes, AreRefusedByName) {
  v1::AgentInfo info;
  for (const char* text : {"rack", "rack:", ":a", "rack:a;rack:b", "o:{a"}) {
    EXPECT_EQ(ParseAttributes(text, &info).code(),
              absl::StatusCode::kInvalidArgument)
        << text;
  }
}

TEST(Value, ContainsWhatIsNotMore) {
  const struct {
    const char* larger;
    const char* smaller;
    bool contains;
  } kCases[] = {
      {"2", "2", true},
      {"2.001", "2", true},
      {"1.999", "2", false},
      {"[1-10]", "[2-3,5-10]", true},
      {"[1-10]", "[2-3,5-11]", false},
      {"[1-4,6-10]", "[4-6]", false},
      {"[1-4,5-10]", "[4-6]", true},
      {"[]", "[]", true},
      {"{a,b,c}", "{a,c}", true},
      {"{a,c}", "{a,b}", false},
      {"west", "west", true},
      {"west", "east", false},
      {"2", "{a}", false},
  };
  for (const auto& [larger, smaller, contains] : kCases) {
    EXPECT_EQ(Contains(Value(larger), Value(smaller)), contains)
        << larger << " " << smaller;
  }
}

}  // namespace
}  // namespace holdfast
