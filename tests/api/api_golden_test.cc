// A plugin speaks with shims, executors and orchestrators of former releases,
// and reads what those wrote: whatever a release had in its protos is there for
// ever, with its number and its type. tests/golden/api-N.txt is a release's;
// today's is written, for the release that comes, by
// api_test --gtest_also_run_disabled_tests --gtest_filter=*WritesToday*.

#include <google/protobuf/descriptor.h>
#include <gtest/gtest.h>

#include <fstream>
#include <set>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "api/containerizer.pb.h"
#include "api/executor.pb.h"
#include "api/orchestrator.pb.h"
#include "api/records.pb.h"
#include "api/shim.pb.h"
#include "api/types.pb.h"
#include "base/files.h"

namespace holdfast {
namespace {

namespace pb = ::google::protobuf;
using Lines = std::set<std::string>;

void Add(const pb::EnumDescriptor& type, Lines& lines) {
  for (int i = 0; i < type.value_count(); ++i) {
    lines.insert(absl::StrCat("value ", type.full_name(), " ",
                              type.value(i)->name(), " = ",
                              type.value(i)->number()));
  }
}

std::string TypeOf(const pb::FieldDescriptor& field) {
  if (field.message_type() != nullptr) return field.message_type()->full_name();
  if (field.enum_type() != nullptr) return field.enum_type()->full_name();
  return field.type_name();
}

void Add(const pb::Descriptor& message, Lines& lines) {
  for (int i = 0; i < message.field_count(); ++i) {
    const pb::FieldDescriptor& field = *message.field(i);
    lines.insert(
        absl::StrCat("field ", field.full_name(), " = ", field.number(), " ",
                     field.is_repeated() ? "repeated " : "", TypeOf(field)));
  }
  for (int i = 0; i < message.nested_type_count(); ++i)
    Add(*message.nested_type(i), lines);
  for (int i = 0; i < message.enum_type_count(); ++i)
    Add(*message.enum_type(i), lines);
}

void Add(const pb::ServiceDescriptor& service, Lines& lines) {
  for (int i = 0; i < service.method_count(); ++i) {
    const pb::MethodDescriptor& method = *service.method(i);
    lines.insert(absl::StrCat("method ", method.full_name(), " (",
                              method.client_streaming() ? "stream " : "",
                              method.input_type()->full_name(), ") returns (",
                              method.server_streaming() ? "stream " : "",
                              method.output_type()->full_name(), ")"));
  }
}

Lines Today() {
  Lines lines;
  for (const pb::FileDescriptor* file :
       {v1::TaskInfo::descriptor()->file(),
        v1::JournalRecord::descriptor()->file(),
        v1::AttachRequest::descriptor()->file(),
        v1::ExecutorCall::descriptor()->file(),
        v1::LaunchTaskRequest::descriptor()->file(),
        v1::ContainersRequest::descriptor()->file()}) {
    for (int i = 0; i < file->message_type_count(); ++i)
      Add(*file->message_type(i), lines);
    for (int i = 0; i < file->enum_type_count(); ++i)
      Add(*file->enum_type(i), lines);
    for (int i = 0; i < file->service_count(); ++i)
      Add(*file->service(i), lines);
  }
  return lines;
}

class ApiGolden : public testing::TestWithParam<std::string> {};
INSTANTIATE_TEST_SUITE_P(Releases, ApiGolden, testing::Values("1"),
                         [](const auto& file) {
                           return "Release" + file.param;
                         });

TEST_P(ApiGolden, IsUnderstoodByThisBuild) {
  const auto golden =
      ReadSmallFile(absl::StrCat(GOLDEN_DIRECTORY "/api-", GetParam(), ".txt"));
  ASSERT_TRUE(golden.ok()) << golden.status();
  const Lines today = Today();

  size_t count = 0;
  for (const auto line : absl::StrSplit(*golden, '\n', absl::SkipEmpty())) {
    ++count;
    EXPECT_TRUE(today.count(std::string(line)) != 0) << line;
  }
  EXPECT_GT(count, 300u);
}

TEST(ApiGoldenMaker, DISABLED_WritesTodays) {
  std::ofstream(GOLDEN_DIRECTORY "/api-new.txt")
      << absl::StrJoin(Today(), "\n") << "\n";
}

}  // namespace
}  // namespace holdfast
