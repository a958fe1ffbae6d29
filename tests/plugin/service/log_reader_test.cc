#include "plugin/service/log_reader.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <thread>

#include "base/files.h"
#include "shim/output/log_files.h"
#include "tests/fakes/temporary_directory.h"

namespace holdfast {
namespace {

// Bytes that tell their offset: any eight in a row name the place.
std::string Stream(uint64_t offset, size_t size) {
  std::string bytes(size, '\0');
  for (size_t i = 0; i < size; ++i) {
    const uint64_t at = offset + i;
    bytes[i] = static_cast<char>(at % 251 ^ (at >> 8) * 37);
  }
  return bytes;
}

class LogReaderTest : public testing::Test {
 protected:
  void OpenLog(uint64_t max_file_bytes, uint32_t max_files) {
    log_.emplace(std::move(shim::LogFiles::Open(directory_.path(), "stdout",
                                                max_file_bytes, max_files))
                     .value());
  }
  // As the shim does, in pieces that fill every file to its end.
  void Write(size_t bytes) {
    while (bytes > 0) {
      const absl::StatusOr<uint64_t> room = log_->Room();
      ASSERT_TRUE(room.ok()) << room.status();
      const std::string piece =
          Stream(written_, std::min<size_t>(bytes, *room));
      ASSERT_EQ(pwrite(log_->fd(), piece.data(), piece.size(),
                       static_cast<off_t>(log_->end())),
                static_cast<ssize_t>(piece.size()));
      log_->Grew(piece.size());
      written_ += piece.size();
      bytes -= piece.size();
    }
  }

  LogReader Reader(uint64_t offset = 0) const {
    return LogReader(directory_.path(), "stdout", offset);
  }
  static LogReader::Chunk Read(LogReader& reader, size_t most = 64 * 1024) {
    absl::StatusOr<LogReader::Chunk> chunk = reader.Read(most);
    EXPECT_TRUE(chunk.ok()) << chunk.status();
    return chunk.value_or(LogReader::Chunk());
  }
  // Until there is nothing more now; true when all of it was what belongs at
  // its offset, and followed on what came before.
  static bool ReadsOn(LogReader& reader, uint64_t& next) {
    for (;;) {
      const LogReader::Chunk chunk = Read(reader, 1000);
      if (chunk.offset != next + chunk.skipped_bytes) return false;
      if (chunk.data != Stream(chunk.offset, chunk.data.size())) return false;
      next = chunk.offset + chunk.data.size();
      if (chunk.data.empty() && chunk.skipped_bytes == 0) return true;
    }
  }

  const TemporaryDirectory directory_;
  std::optional<shim::LogFiles> log_;
  uint64_t written_ = 0;
};

TEST_F(LogReaderTest, ReadsNothingWhereNothingWasWritten) {
  LogReader reader = Reader();

  const LogReader::Chunk chunk = Read(reader);

  EXPECT_EQ(chunk.data, "");
  EXPECT_EQ(chunk.offset, 0u);
  EXPECT_EQ(chunk.skipped_bytes, 0u);
}

TEST_F(LogReaderTest, ReadsAcrossFilesInOrder) {
  OpenLog(/*max_file_bytes=*/100, /*max_files=*/8);
  Write(350);
  LogReader reader = Reader();

  std::string all;
  for (uint64_t expected : {0, 100, 200, 300}) {
    const LogReader::Chunk chunk = Read(reader);
    EXPECT_EQ(chunk.offset, expected);
    all += chunk.data;
  }

  EXPECT_EQ(all, Stream(0, 350));
  EXPECT_EQ(Read(reader).data, "");
}

TEST_F(LogReaderTest, ReadsNoMoreThanItIsAskedFor) {
  OpenLog(1000, 2);
  Write(100);
  LogReader reader = Reader();

  EXPECT_EQ(Read(reader, 7).data, Stream(0, 7));
  const LogReader::Chunk second = Read(reader, 7);

  EXPECT_EQ(second.offset, 7u);
  EXPECT_EQ(second.data, Stream(7, 7));
}

TEST_F(LogReaderTest, BeginsWhereItIsTold) {
  OpenLog(100, 8);
  Write(350);
  LogReader reader = Reader(/*offset=*/150);

  const LogReader::Chunk chunk = Read(reader);

  EXPECT_EQ(chunk.offset, 150u);
  EXPECT_EQ(chunk.skipped_bytes, 0u);
  EXPECT_EQ(chunk.data, Stream(150, 50));
}

TEST_F(LogReaderTest, WaitsForAnOffsetThatIsNotThereYet) {
  OpenLog(1000, 2);
  Write(100);
  LogReader reader = Reader(/*offset=*/120);
  EXPECT_EQ(Read(reader).data, "");

  Write(50);

  const LogReader::Chunk chunk = Read(reader);
  EXPECT_EQ(chunk.offset, 120u);
  EXPECT_EQ(chunk.data, Stream(120, 30));
}

TEST_F(LogReaderTest, FollowsWhatIsWrittenAndRotatedMeanwhile) {
  OpenLog(100, 8);
  LogReader reader = Reader();
  uint64_t next = 0;

  for (const size_t bytes : {10, 89, 1, 1, 150, 99, 300}) {
    Write(bytes);
    ASSERT_TRUE(ReadsOn(reader, next)) << "after " << written_;
    EXPECT_EQ(next, written_);
  }
}

TEST_F(LogReaderTest, SaysHowMuchWasRotatedAway) {
  OpenLog(100, 3);
  Write(550);  // [300, 400) [400, 500) [500, 550) are left
  LogReader reader = Reader(/*offset=*/30);

  const LogReader::Chunk chunk = Read(reader);

  EXPECT_EQ(chunk.skipped_bytes, 270u);
  EXPECT_EQ(chunk.offset, 300u);
  EXPECT_EQ(chunk.data, Stream(300, 100));
  EXPECT_EQ(Read(reader).skipped_bytes, 0u) << "said once";
}

TEST_F(LogReaderTest, SkipsWhatIsRotatedAwayWhileItReads) {
  OpenLog(100, 2);
  Write(150);
  LogReader reader = Reader();
  EXPECT_EQ(Read(reader, 50).data, Stream(0, 50));

  Write(200);  // [200, 300) [300, 350) are left

  const LogReader::Chunk chunk = Read(reader);
  EXPECT_EQ(chunk.skipped_bytes, 150u);
  EXPECT_EQ(chunk.data, Stream(200, 100));
}

TEST_F(LogReaderTest, CountsWithOneFileToo) {
  OpenLog(100, 1);
  Write(350);
  LogReader reader = Reader();

  const LogReader::Chunk chunk = Read(reader);

  EXPECT_EQ(chunk.skipped_bytes, 300u);
  EXPECT_EQ(chunk.data, Stream(300, 50));
}

TEST_F(LogReaderTest, CountsOnAcrossShims) {
  OpenLog(100, 2);
  Write(250);
  LogReader reader = Reader();

  OpenLog(100, 2);  // the former shim has died
  Write(200);

  uint64_t next = 0;
  EXPECT_TRUE(ReadsOn(reader, next));
  EXPECT_EQ(next, 450u);
}

TEST_F(LogReaderTest, ReadsOnWhereTheCurrentFileIsJustPutAway) {
  OpenLog(100, 3);
  Write(150);
  // Between the rename and the next file's making.
  ASSERT_EQ(rename((directory_ / "stdout.1").c_str(),
                   (directory_ / "stdout.2").c_str()),
            0);
  ASSERT_EQ(rename((directory_ / "stdout").c_str(),
                   (directory_ / "stdout.1").c_str()),
            0);
  LogReader reader = Reader();

  std::string all;
  for (int i = 0; i < 2; ++i) all += Read(reader).data;

  EXPECT_EQ(all, Stream(0, 150));
}

TEST_F(LogReaderTest, ReadsWhatIsThereAfterARotationThatWasNeverFinished) {
  OpenLog(100, 3);
  Write(350);
  const UniqueFd directory(
      open(directory_.path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  LogPosition position = ReadLogPosition(directory.get(), "stdout");
  ++position.version;  // odd: the shim died in the midst of it
  ASSERT_TRUE(WriteLogPosition(directory.get(), "stdout", position).ok());
  LogReader reader = Reader();

  uint64_t next = 0;
  EXPECT_TRUE(ReadsOn(reader, next));

  EXPECT_EQ(next, 350u);
}

TEST_F(LogReaderTest, FollowsNoLinkOutOfTheDirectory) {
  ASSERT_EQ(symlink("/etc/passwd", (directory_ / "stdout").c_str()), 0);
  LogReader reader = Reader();

  EXPECT_FALSE(reader.Read(100).ok());
}

TEST_F(LogReaderTest, SaysThatThereIsNoSuchDirectory) {
  LogReader reader(directory_ / "gone", "stdout", 0);

  EXPECT_TRUE(absl::IsNotFound(reader.Read(100).status()));
}

TEST_F(LogReaderTest, NeverMixesUpBytesWhileFilesAreRenamedUnderIt) {
  OpenLog(500, 4);
  std::atomic<bool> written_all = false;
  std::thread shim([&] {
    for (int i = 0; i < 3000; ++i) Write(37);
    written_all = true;
  });
  LogReader reader = Reader();
  uint64_t next = 0;

  bool right = true;
  while (right && !written_all) right = ReadsOn(reader, next);
  shim.join();

  EXPECT_TRUE(right) << "at " << next;
  EXPECT_TRUE(ReadsOn(reader, next));
  EXPECT_EQ(next, written_) << "to the end";
}

}  // namespace
}  // namespace holdfast
