#pragma once

#include <sys/stat.h>

#include <fstream>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "api/time_convert.h"
#include "base/files.h"
#include "gtest/gtest.h"
#include "plugin/checkpoint/agent_store.h"
#include "shim/bundle/executor_journal.h"
#include "tests/fakes/temporary_directory.h"
#include "tests/shim/bundle/records.h"

namespace holdfast {

inline constexpr char kThisBoot[] = "boot-1";

// A checkpoint on a real disk, made by the code that makes real ones, and what
// can become of it.
class CheckpointTest : public testing::Test {
 protected:
  void SetUp() override {
    auto store = AgentStore::Open(SystemFiles(), layout_);  // and its locks
    ASSERT_TRUE(store.ok()) << store.status();
    v1::AgentRecord record;
    record.mutable_agent()->set_agent_id("a-1");
    record.set_boot_id(kThisBoot);
    ASSERT_TRUE((*store)->SaveAgent(record).ok());
    v1::FrameworkRecord framework;
    framework.mutable_framework()->set_framework_id("f-1");
    framework.mutable_framework()->set_checkpoint(true);
    ASSERT_TRUE((*store)->SaveFramework(framework).ok());
  }

  // An executor's directory; its journal holds an intent and then `records`.
  ExecutorJournal MakeExecutor(
      const std::string& id, const std::vector<v1::JournalRecord>& records = {},
      const std::string& agent_id = "a-1", absl::Time time = absl::UnixEpoch(),
      bool checkpoint = true) {
    EXPECT_EQ(mkdir(layout_.Executor(id, checkpoint).c_str(), 0700), 0);
    v1::Intent intent = AnIntent();
    intent.set_container_id(id);
    intent.set_agent_id(agent_id);
    *intent.mutable_time() = ToProto(time);
    auto journal = ExecutorJournal::Create(
        SystemFiles(), layout_.Journal(id, checkpoint), intent);
    EXPECT_TRUE(journal.ok()) << journal.status();
    EXPECT_TRUE(journal->Record(records).ok());
    return *std::move(journal);
  }
  static v1::JournalRecord StartedIn(const std::string& boot_id) {
    v1::JournalRecord record = StartedRecord(7);
    record.mutable_started()->set_boot_id(boot_id);
    return record;
  }

  static std::string Read(const std::string& path) {
    return ReadSmallFile(path).value_or("");
  }
  static void Write(const std::string& path, const std::string& content) {
    std::ofstream(path, std::ios::trunc | std::ios::binary) << content;
  }
  static void Flip(const std::string& path, size_t at) {
    std::string content = Read(path);
    ASSERT_LT(at, content.size());
    content[at] = static_cast<char>(content[at] ^ 1);
    Write(path, content);
  }
  static bool IsThere(const std::string& path) {
    struct stat info;
    return lstat(path.c_str(), &info) == 0;
  }

  const TemporaryDirectory directory_;
  const Layout layout_ = {directory_ / "work", directory_ / "run"};
};

}  // namespace holdfast
