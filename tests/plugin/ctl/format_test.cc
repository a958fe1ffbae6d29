// What commands print, from the messages they print.
#include "plugin/ctl/format.h"

#include "gmock/gmock.h"
#include "google/protobuf/util/json_util.h"
#include "google/protobuf/util/message_differencer.h"
#include "plugin/ctl/address.h"
#include "plugin/ctl/failure.h"
#include "plugin/ctl/json_output.h"
#include "plugin/ctl/table.h"
#include "plugin/ctl/task.h"

namespace holdfast::ctl {
namespace {

using ::google::protobuf::util::JsonStringToMessage;
using ::google::protobuf::util::MessageDifferencer;
using ::testing::HasSubstr;

v1::GetTaskResponse EveryKindOfField() {
  v1::GetTaskResponse message;
  v1::Task& task = *message.mutable_task();
  task.set_task_id("quote \" backslash \\ newline \n esc \x1b del \x7f ünï");
  task.set_state(v1::TASK_FAILED);
  task.set_exit_code(-3);
  task.set_unacknowledged_updates(4000000000u);
  task.add_command("a");
  task.add_command("");
  task.mutable_resources()->set_cpus(0.1);
  task.mutable_resources()->set_memory_bytes(~uint64_t{0});
  task.mutable_start_time()->set_seconds(1);
  task.mutable_recovery_timeout()->set_seconds(900);
  message.mutable_info()->set_data(std::string("\0\xff\xfe", 3));
  message.mutable_info()->mutable_command()->set_shell(true);
  message.add_updates()->mutable_status()->set_signal(9);
  message.add_updates();
  return message;
}

TEST(JsonOutput, IsReadBackAsTheSameMessage) {
  const v1::GetTaskResponse message = EveryKindOfField();

  for (const std::string& text : {JsonText(message), JsonLine(message)}) {
    v1::GetTaskResponse back;
    const auto status = JsonStringToMessage(text, &back);
    ASSERT_TRUE(status.ok()) << status.ToString() << text;
    EXPECT_TRUE(MessageDifferencer::Equals(back, message)) << text;
  }
  const std::string line = JsonLine(message);
  EXPECT_EQ(line.find('\n'), line.size() - 1);
}

TEST(JsonOutput, IsProtobufsOwnApartFromNulls) {
  v1::Flag flag;
  flag.set_name("a\"b");
  google::protobuf::util::JsonPrintOptions options;
  options.always_print_primitive_fields = true;
  options.preserve_proto_field_names = true;
  std::string theirs;
  ASSERT_TRUE(MessageToJsonString(flag, &theirs, options).ok());

  EXPECT_EQ(JsonLine(flag), theirs + "\n");
}

TEST(JsonOutput, NamesWhatIsNotSet) {
  const std::string text = JsonLine(v1::Task());

  EXPECT_THAT(text, HasSubstr("\"exit_code\":null,\"signal\":null"));
  EXPECT_THAT(text, HasSubstr("\"command\":[]"));
  EXPECT_THAT(text, HasSubstr("\"state\":\"TASK_STATE_UNSPECIFIED\""));
  EXPECT_THAT(text, ::testing::Not(HasSubstr("resources")));
}

TEST(JsonOutput, KeepsTheNumberOfAnEnumeratorFromTheFuture) {
  v1::Task task;
  task.set_state(static_cast<v1::TaskState>(99));

  EXPECT_THAT(JsonLine(task), HasSubstr("\"state\":99,"));
}

TEST(JsonOutput, WritesArraysOfMessages) {
  v1::GetAgentResponse agent;
  EXPECT_EQ(JsonArray(agent.flags()), "[]\n");
  agent.add_flags()->set_name("a");
  agent.add_flags();

  EXPECT_EQ(JsonArray(agent.flags()),
            "[\n"
            "  {\n"
            "    \"name\": \"a\",\n"
            "    \"value\": \"\",\n"
            "    \"source\": \"\"\n"
            "  },\n"
            "  {\n"
            "    \"name\": \"\",\n"
            "    \"value\": \"\",\n"
            "    \"source\": \"\"\n"
            "  }\n"
            "]\n");
}

TEST(Table, AlignsItsColumns) {
  Table table({{"ID"}, {"PID", Table::Align::kRight}, {"COMMAND"}});
  table.AddRow({"web-1", "7", "sleep 1"});
  table.AddRow({"ü", "12345", ""});

  EXPECT_EQ(table.Text(),
            "ID       PID  COMMAND\n"
            "web-1      7  sleep 1\n"
            "ü      12345  -\n");
}

TEST(Table, LetsNothingControlTheTerminal) {
  EXPECT_EQ(OneLine("a\nb\tc\x1b[31m\x7f é"), "a\\nb\\tc\\x1b[31m\\x7f é");
}

TEST(Format, SaysThingsShortly) {
  EXPECT_EQ(FormatAge(absl::Seconds(59.9)), "59s");
  EXPECT_EQ(FormatAge(absl::Seconds(60)), "1m");
  EXPECT_EQ(FormatAge(absl::Hours(47)), "47h");
  EXPECT_EQ(FormatAge(absl::Hours(48)), "2d");
  EXPECT_EQ(FormatAge(-absl::Seconds(1)), "0s");
  EXPECT_EQ(FormatBytes(64 << 20), "64MiB");
  EXPECT_EQ(FormatBytes(65537), "65537B");
  EXPECT_EQ(FormatBytes(0), "0B");
  EXPECT_EQ(SignalName(15), "SIGTERM");
  EXPECT_EQ(SignalName(64), "signal 64");
}

TEST(Format, QuotesACommandAsAShellReadsIt) {
  v1::Task task;
  for (const char* word : {"sh", "-c", "echo it's", ""}) task.add_command(word);

  EXPECT_EQ(FormatCommand(task.command()), "sh -c 'echo it'\\''s' ''");
}

TEST(TaskExitCode, IsWhatAShellWouldSay) {
  v1::Task task;
  task.set_state(v1::TASK_FINISHED);
  EXPECT_EQ(TaskExitCode(task), 0);
  task.set_state(v1::TASK_LOST);
  EXPECT_EQ(TaskExitCode(task), 1);
  task.set_reason(v1::REASON_CONTAINER_LAUNCH_FAILED);
  task.set_message("exec nosuch: No such file or directory");
  EXPECT_EQ(TaskExitCode(task), 127);
  task.set_signal(9);
  EXPECT_EQ(TaskExitCode(task), 137);
  task.set_exit_code(3);
  EXPECT_EQ(TaskExitCode(task), 3);
}

TEST(SocketPath, ReadsEveryForm) {
  for (const char* address : {"unix:/run/s", "unix:///run/s", "/run/s"}) {
    EXPECT_EQ(*SocketPath(address), "/run/s") << address;
  }
  EXPECT_EQ(*SocketPath("unix:s"), "s");
  EXPECT_EQ(*SocketPath("./a:b"), "./a:b");
  for (const char* address :
       {"", "unix:", "unix://host/s", "dns:x", "https://x/y"}) {
    EXPECT_TRUE(IsUsageError(SocketPath(address).status())) << address;
  }
}

}  // namespace
}  // namespace holdfast::ctl
