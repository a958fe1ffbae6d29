#include "plugin/ctl/spooled_output.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/unique_fd.h"
#include "tests/plugin/ctl/containerd_journals.h"

namespace holdfast::ctl {
namespace {

class SpooledOutputTest : public testing::Test {
 protected:
  std::string Copied() {
    std::string copied;
    const auto bytes = CopySpool(path_, [&](absl::string_view data) {
      copied.append(data.data(), data.size());
      return absl::OkStatus();
    });
    EXPECT_TRUE(bytes.ok()) << bytes.status();
    EXPECT_EQ(bytes.value_or(0), copied.size());
    return copied;
  }

  const TemporaryDirectory directory_;
  const std::string path_ = directory_ / "stdout.spool";
};

TEST_F(SpooledOutputTest, IsNothingWithoutAFile) { EXPECT_EQ(Copied(), ""); }

TEST_F(SpooledOutputTest, IsTheWholeFile) {
  std::string text;
  while (text.size() < (1 << 20)) absl::StrAppend(&text, text.size(), "\n");
  std::ofstream(path_) << text;

  EXPECT_EQ(Copied(), text);
}

TEST_F(SpooledOutputTest, BeginsBehindWhatWasGivenBackToTheFileSystem) {
  const std::string read(256 << 10, 'r');
  std::ofstream(path_) << read << "not yet";
  const UniqueFd file(open(path_.c_str(), O_RDWR | O_CLOEXEC));
  if (fallocate(file.get(), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0,
                static_cast<off_t>(read.size())) != 0) {
    GTEST_SKIP() << "no holes can be punched here";
  }

  EXPECT_EQ(Copied(), "not yet");
}

TEST_F(SpooledOutputTest, EndsWithTheSinksError) {
  std::ofstream(path_) << "text";

  const auto bytes = CopySpool(path_, [](absl::string_view) {
    return absl::AbortedError("the reader has left");
  });

  EXPECT_EQ(bytes.status(), absl::AbortedError("the reader has left"));
}

TEST_F(SpooledOutputTest, TellsWhoHasTheRest) {
  FoundTask task;
  task.id = "web";
  task.name_space = "k8s.io";
  task.facts = ExecutorFacts();
  v1::ContainerdTask& said = *task.facts->intent.mutable_containerd();
  said.set_stdout("/run/fifos/out");
  said.set_stderr("/run/fifos/err");
  EXPECT_EQ(WhereOutputGoes(task),
            "its output goes to containerd's client (crictl logs web)");

  said.set_stdout("file:///var/log/web");
  EXPECT_EQ(WhereOutputGoes(task),
            "its stdout goes to file:///var/log/web, its stderr to "
            "containerd's client (crictl logs web)");

  said.set_terminal(true);
  EXPECT_EQ(WhereOutputGoes(task), "its output goes to file:///var/log/web");

  said.set_stdout("binary:///bin/log?secret=x");
  EXPECT_EQ(WhereOutputGoes(task),
            "its output goes to the logger binary:///bin/log");

  said.set_stdout("");
  EXPECT_EQ(WhereOutputGoes(task), "its output goes to nobody (/dev/null)");
}

}  // namespace
}  // namespace holdfast::ctl
