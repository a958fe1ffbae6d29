#include <sys/wait.h>

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <random>
#include <thread>

#include "gmock/gmock.h"
#include "tests/shim/containerd/io/io_harness.h"

namespace holdfast::containerd {
namespace {

using ::testing::HasSubstr;

using Fifo = IoTest;

TEST_F(Fifo, BringsOutputToItsReaderByteForByte) {
  Reader reader(request_.out);
  Open();
  const std::string stream = Stream(1'000'000);

  std::string got;
  for (size_t written = 0; got.size() < stream.size();) {
    written += WriteSome(absl::string_view(stream).substr(written));
    Turn();
    got += reader.Read();
  }

  EXPECT_TRUE(got == stream);
  EXPECT_EQ(io_->spooled_bytes(), 0u);
}

TEST_F(Fifo, EndsWithTheProcess) {
  Reader reader(request_.out);
  Open();
  Write("last words");
  writer_.Reset();

  EXPECT_EQ(ReadToEnd(reader), "last words");

  bool flushed = false;
  io_->ProcessEnded();
  io_->Flush(absl::Seconds(10), [&] { flushed = true; });
  EXPECT_TRUE(flushed) << "at once";
}

TEST_F(Fifo, IsOpenedWithoutWaitingByAReader) {
  Open();

  const UniqueFd reader(open(request_.out.c_str(), O_RDONLY | O_CLOEXEC));

  EXPECT_TRUE(reader);
}

TEST_F(Fifo, KeepsWhatAnOldReaderLeft) {
  auto reader = std::make_unique<Reader>(request_.out);
  Open();
  Write("one two three");
  EXPECT_EQ(ReadUntil(*reader, 4), "one ");
  reader = nullptr;
  Write(" four");
  Settle();

  Reader next(request_.out);

  EXPECT_EQ(ReadUntil(next, 14), "two three four");
}

TEST_F(Fifo, NeverBlocksTheProcessWhileNobodyReads) {
  Open();
  const std::string stream = Stream(5'000'000);

  for (size_t written = 0; written < stream.size(); written += 1000) {
    Write(absl::string_view(stream).substr(written, 1000));
  }

  Reader reader(request_.out);
  EXPECT_TRUE(ReadUntil(reader, stream.size()) == stream);
  EXPECT_EQ(io_->spooled_bytes(), 0u);
  EXPECT_EQ(SpoolOnDisk(), 0u);
}

// A process of its own, which writes 5 MB as fast as it can and ends with the
// longest that one write took, in milliseconds.
pid_t StartChattyProcess(int out) {
  const std::string line = Stream(4096);
  const pid_t pid = fork();
  if (pid != 0) return pid;
  absl::Duration longest;
  for (int i = 0; i < 5'000'000 / 4096; ++i) {
    const absl::Duration start = SystemClock().SinceBoot();
    if (write(out, line.data(), line.size()) != 4096) _exit(255);
    longest = std::max(longest, SystemClock().SinceBoot() - start);
  }
  _exit(static_cast<int>(
      std::min<int64_t>(absl::ToInt64Milliseconds(longest), 254)));
}

// The best of some: on a busy host it may just not have run.
TEST_F(Fifo, TakesNoLongerThanPromisedForAnyWrite) {
  int best_ms = 255;
  for (int attempt = 0; attempt < 5 && best_ms >= 50; ++attempt) {
    io_ = *ProcessIo::Open(*loop_, request_);
    const pid_t pid = StartChattyProcess(io_->process_out());
    io_->CloseProcessEnds();
    int status = 0;
    ASSERT_TRUE(Until([&] { return waitpid(pid, &status, WNOHANG) == pid; }));
    ASSERT_TRUE(WIFEXITED(status));
    best_ms = std::min(best_ms, WEXITSTATUS(status));
  }

  EXPECT_LT(best_ms, 50 * kSlowness);
  RecordProperty("longest_write_ms", best_ms);
  Reader reader(request_.out);
  EXPECT_EQ(ReadToEnd(reader).size(), 5'000'000u / 4096 * 4096);
}

TEST_F(Fifo, WakesNobodyWhileWhatWaitsWaits) {
  Open();
  Write(Stream(1'000'000));
  Settle();

  bool timer = false;
  loop_->After(absl::Milliseconds(100), [&] { timer = true; });
  loop_->RunOnce(absl::Seconds(10));  // returns at the first event there is

  EXPECT_TRUE(timer);
}

// Readers come, take some, and vanish with what they took; the process writes
// by fits and starts. What they took, one after another, is what was written.
TEST_F(Fifo, LosesNothingToReadersThatComeAndGo) {
  Open();
  std::mt19937 random(20261126);
  const std::string stream = Stream(5'000'000);
  std::string got;
  std::unique_ptr<Reader> reader;
  size_t written = 0;
  const auto upto = [&](size_t limit) { return random() % limit; };

  while (got.size() < stream.size()) {
    switch (upto(6)) {
      case 0:
        reader = nullptr;
        break;
      case 1:
        if (reader == nullptr) reader = std::make_unique<Reader>(request_.out);
        break;
      case 2:
        if (reader != nullptr) got += reader->Read(1 + upto(100'000));
        break;
      case 3:
        io_->LookForReaders();
        break;
      default:
        written += WriteSome(
            absl::string_view(stream).substr(written, 1 + upto(30'000)));
    }
    Turn();
  }

  EXPECT_TRUE(got == stream);
  EXPECT_EQ(io_->dropped_bytes(), 0u);
}

// The same with readers at their own pace, in a thread, and with a spool that
// is full now and then, so that it is asked whether they are there.
TEST_F(Fifo, LosesNothingToReadersAtTheirOwnPace) {
  request_.spool.max_bytes = 100'000;
  request_.spool.when_full = WhenFull::kBlock;
  Open();
  const std::string stream = Stream(5'000'000);
  std::string got;
  std::atomic<bool> done = false;
  std::thread readers([&] {
    std::mt19937 random(19);
    while (got.size() < stream.size() && !done) {
      Reader reader(request_.out);
      for (auto reads = random() % 50; reads > 0; --reads) {
        got += reader.Read(1 + random() % 10'000);
      }
    }
    done = true;
  });

  size_t written = 0;
  EXPECT_TRUE(Until([&] {
    written += WriteSome(absl::string_view(stream).substr(written, 10'000));
    return done.load();
  }));
  done = true;
  readers.join();

  EXPECT_EQ(got.size(), stream.size());
  EXPECT_TRUE(got == stream);
}

TEST_F(Fifo, WaitsForAReaderThatIsThereToTakeTheRest) {
  Reader reader(request_.out);
  Open();
  Write(Stream(500'000));
  writer_.Reset();
  io_->ProcessEnded();
  Settle();
  bool flushed = false;
  io_->Flush(absl::Seconds(20), [&] { flushed = true; });
  EXPECT_FALSE(flushed) << "it has not read yet";

  EXPECT_TRUE(ReadToEnd(reader) == Stream(500'000));
  EXPECT_TRUE(Until([&] { return flushed; }));
}

TEST_F(Fifo, DoesNotWaitForAReaderThatIsNotThere) {
  Open();
  Write(Stream(500'000));
  writer_.Reset();
  io_->ProcessEnded();
  Settle();

  bool flushed = false;
  io_->Flush(absl::Minutes(10), [&] { flushed = true; });

  EXPECT_TRUE(Until([&] { return flushed; }));
}

TEST_F(Fifo, KeepsTheEndOfAReaderThatVanishedWithoutIt) {
  auto reader = std::make_unique<Reader>(request_.out);
  Open();
  Write("rest");
  writer_.Reset();
  Settle();
  io_->ProcessEnded();
  reader = nullptr;

  Reader next(request_.out);
  io_->LookForReaders();

  EXPECT_EQ(ReadToEnd(next), "rest");
}

TEST_F(Fifo, StopsWaitingForAReaderInTime) {
  const Reader reader(request_.out);
  Open();
  Write(Stream(500'000));
  writer_.Reset();
  io_->ProcessEnded();

  bool flushed = false;
  io_->Flush(absl::Milliseconds(50), [&] {
    io_.reset();
    flushed = true;
  });

  EXPECT_TRUE(Until([&] { return flushed; }));
}

TEST_F(Fifo, MayHaveAProcessThatOutlivesUs) {
  request_.outlives_us = true;
  Reader reader(request_.out);
  Open();
  Write(Stream(50'000));

  io_->ProcessEnded();

  EXPECT_TRUE(ReadToEnd(reader) == Stream(50'000));
  io_.reset();
  EXPECT_EQ(write(writer_.get(), "x", 1), 1);  // and gets no SIGPIPE
  std::error_code none;
  EXPECT_THAT(std::filesystem::read_symlink(
                  absl::StrCat("/proc/self/fd/", writer_.get()), none)
                  .string(),
              HasSubstr("pipe:["));
}

TEST_F(Fifo, IsNamedWhenItIsNotThere) {
  request_.out = directory_ / "none";

  const absl::Status status = ProcessIo::Open(*loop_, request_).status();

  EXPECT_TRUE(absl::IsNotFound(status)) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr(request_.out));
}

TEST_F(Fifo, OfStderrIsOnesOwn) {
  request_.err = directory_ / "err";
  Reader out(request_.out);
  Reader err(request_.err);
  io_ = *ProcessIo::Open(*loop_, request_);

  ASSERT_EQ(write(io_->process_out(), "out", 3), 3);
  ASSERT_EQ(write(io_->process_err(), "err", 3), 3);
  io_->CloseProcessEnds();

  EXPECT_EQ(ReadToEnd(out), "out");
  EXPECT_EQ(ReadToEnd(err), "err");
}

TEST_F(Fifo, BelongsToTheProcessesUser) {
  request_.uid = 1234;
  request_.gid = 2345;
  Open();

  struct stat info;
  ASSERT_EQ(fstat(writer_.get(), &info), 0);

  EXPECT_EQ(info.st_uid, 1234u);
  EXPECT_EQ(info.st_gid, 2345u);
}

}  // namespace
}  // namespace holdfast::containerd
