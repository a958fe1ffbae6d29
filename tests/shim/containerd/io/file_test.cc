#include "base/files.h"
#include "gmock/gmock.h"
#include "tests/shim/containerd/io/io_harness.h"

namespace holdfast::containerd {
namespace {

using ::testing::HasSubstr;

class OutputFile : public IoTest {
 protected:
  std::string Content(const std::string& path) const {
    return ReadSmallFile(path).value_or("");
  }
};

TEST_F(OutputFile, IsAppendedToByBothOutputs) {
  const std::string path = directory_ / "made/as/well/log";
  request_.out = request_.err = "file://" + path;
  io_ = *ProcessIo::Open(*loop_, request_);

  for (int line = 0; line < 3; ++line) {
    ASSERT_EQ(write(io_->process_out(), "out\n", 4), 4);
    Settle();
    ASSERT_EQ(write(io_->process_err(), "err\n", 4), 4);
    Settle();
  }

  EXPECT_EQ(Content(path), "out\nerr\nout\nerr\nout\nerr\n");
}

TEST_F(OutputFile, KeepsWhatOthersAppend) {
  const std::string path = directory_ / "log";
  request_.out = "file://" + path;
  Open();
  Write("one\n");
  Settle();
  const UniqueFd other(open(path.c_str(), O_WRONLY | O_APPEND | O_CLOEXEC));
  ASSERT_EQ(write(other.get(), "theirs\n", 7), 7);

  Write(Stream(500'000));
  writer_.Reset();
  Settle();

  EXPECT_TRUE(Content(path) == "one\ntheirs\n" + Stream(500'000));
}

TEST_F(OutputFile, MayBeABarePath) {
  const std::string path = directory_ / "log";
  ASSERT_TRUE(UniqueFd(open(path.c_str(), O_CREAT | O_WRONLY, 0600)));
  request_.out = path;
  Open();

  Write("words");
  Settle();

  EXPECT_EQ(Content(path), "words");
}

TEST_F(OutputFile, ThatIsFullCostsNothingUpToTheBound) {
  request_.out = "file:///dev/full";
  request_.spool.max_bytes = 100'000;
  Open();

  Write(Stream(300'000));
  Settle();

  EXPECT_EQ(io_->spooled_bytes(), 100'000u);
  EXPECT_EQ(io_->dropped_bytes(), 200'000u);
}

TEST_F(OutputFile, IsNamedWhenItCannotBeOpened) {
  request_.out = absl::StrCat("file://", directory_ / "out", "/log");

  const absl::Status status = ProcessIo::Open(*loop_, request_).status();

  EXPECT_FALSE(status.ok());
  EXPECT_THAT(std::string(status.message()), HasSubstr(directory_ / "out"));
}

TEST_F(OutputFile, IsNoneWhereNothingIsAskedFor) {
  request_.out = "";
  io_ = *ProcessIo::Open(*loop_, request_);

  EXPECT_EQ(io_->process_in(), -1);
  EXPECT_EQ(io_->process_out(), -1);
  EXPECT_EQ(io_->process_err(), -1);
}

}  // namespace
}  // namespace holdfast::containerd
