#include <sched.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>

#include "gmock/gmock.h"
#include "shim/containerd/io/spool.h"
#include "tests/shim/containerd/io/io_harness.h"

namespace holdfast::containerd {
namespace {

constexpr uint64_t kBound = 100'000;
constexpr uint64_t kOneBlock = 4096;

std::string Lost(uint64_t bytes, absl::string_view why = "the spool is full") {
  return absl::StrCat("[holdfast: ", bytes, " bytes of output lost: ", why,
                      "]\n");
}

// A process that writes more than its spool may hold.
class Bound : public IoTest {
 protected:
  void SetUp() override {
    IoTest::SetUp();
    request_.spool.max_bytes = kBound;
  }

  // Until the process would wait; how much it wrote.
  size_t WriteUntilBlocked(const std::string& bytes) {
    size_t written = 0;
    for (size_t before = 1; before != written;) {
      before = written;
      written += WriteSome(absl::string_view(bytes).substr(written));
      Settle();
    }
    return written;
  }

  size_t InTheFifo() const {
    const UniqueFd fifo(open(request_.out.c_str(), O_RDWR | O_NONBLOCK));
    int bytes = 0;
    EXPECT_EQ(ioctl(fifo.get(), FIONREAD, &bytes), 0);
    return static_cast<size_t>(bytes);
  }
};

TEST_F(Bound, CostsTheNewestAndSaysSo) {
  Open();
  const std::string stream = Stream(1'000'000);

  Write(stream);
  Settle();

  const size_t kept = InTheFifo() + kBound;
  const uint64_t lost = stream.size() - kept;
  EXPECT_EQ(io_->dropped_bytes(), lost);
  EXPECT_EQ(io_->spooled_bytes(), kBound);
  EXPECT_LE(SpoolOnDisk(), kBound + kOneBlock);
  Reader reader(request_.out);
  EXPECT_TRUE(ReadUntil(reader, kept) == stream.substr(0, kept));
  Write("after\n");
  writer_.Reset();
  EXPECT_EQ(ReadToEnd(reader), Lost(lost) + "after\n");
}

TEST_F(Bound, CostsTheOldestWhereThatIsAskedFor) {
  request_.spool.when_full = WhenFull::kDropOldest;
  Open();
  const std::string stream = Stream(1'000'000);

  Write(stream);
  Settle();

  const size_t taken = InTheFifo();
  const uint64_t lost = stream.size() - taken - kBound;
  EXPECT_EQ(io_->dropped_bytes(), lost);
  EXPECT_LE(SpoolOnDisk(), kBound + (256 << 10) + kOneBlock);
  writer_.Reset();
  Reader reader(request_.out);
  EXPECT_TRUE(ReadToEnd(reader) == stream.substr(0, taken) + Lost(lost) +
                                       stream.substr(stream.size() - kBound));
}

TEST_F(Bound, MakesTheProcessWaitWhereThatIsAskedFor) {
  request_.spool.when_full = WhenFull::kBlock;
  Open();
  const std::string stream = Stream(3'000'000);

  const size_t written = WriteUntilBlocked(stream);

  EXPECT_LT(written, stream.size());
  EXPECT_EQ(io_->spooled_bytes(), kBound);
  Reader reader(request_.out);
  std::string got = ReadUntil(reader, written);
  Write(absl::string_view(stream).substr(written, 50'000));
  got += ReadUntil(reader, 50'000);
  EXPECT_TRUE(got == stream.substr(0, written + 50'000));
  EXPECT_EQ(io_->dropped_bytes(), 0u);
}

TEST_F(Bound, MakesTheProcessWaitForASlowReader) {
  Reader reader(request_.out);
  Open();
  const std::string stream = Stream(3'000'000);

  const size_t written = WriteUntilBlocked(stream);

  EXPECT_LT(written, stream.size());
  EXPECT_EQ(io_->spooled_bytes(), kBound);
  EXPECT_TRUE(ReadUntil(reader, written) == stream.substr(0, written));
  EXPECT_EQ(io_->dropped_bytes(), 0u);
}

TEST_F(Bound, LetsTheProcessGoOnWhenASlowReaderVanishes) {
  auto reader = std::make_unique<Reader>(request_.out);
  Open();
  const std::string stream = Stream(3'000'000);
  const size_t written = WriteUntilBlocked(stream);

  reader = nullptr;

  Write(absl::string_view(stream).substr(written));
  EXPECT_GT(io_->dropped_bytes(), 0u);
}

TEST_F(Bound, IsNoneWithoutADirectory) {
  request_.spool.directory = "";
  Open();
  const std::string stream = Stream(3'000'000);

  const size_t written = WriteUntilBlocked(stream);

  EXPECT_LT(written, stream.size());
  Reader reader(request_.out);
  EXPECT_TRUE(ReadUntil(reader, written) == stream.substr(0, written));
}

TEST_F(Bound, IsSharedByAllThatShareABudget) {
  request_.spool.budget = std::make_shared<SpoolBudget>(kBound);
  request_.spool.when_full = WhenFull::kDropOldest;
  Open();
  Write(Stream(300'000));
  ProcessIoRequest exec = request_;
  exec.out = directory_ / "err";
  exec.name = "exec.";
  const auto other = *ProcessIo::Open(*loop_, exec);
  const UniqueFd writer(fcntl(other->process_out(), F_DUPFD_CLOEXEC, 0));
  other->CloseProcessEnds();

  for (int piece = 0; piece < 20; ++piece) {
    ASSERT_EQ(write(writer.get(), Stream(4096).data(), 4096), 4096);
    Settle();
  }

  EXPECT_GT(other->spooled_bytes(), 0u) << "at the cost of the bigger one";
  EXPECT_EQ(other->dropped_bytes(), 0u);
  EXPECT_EQ(io_->spooled_bytes() + other->spooled_bytes(), kBound);
}

TEST_F(Bound, GivesBackTheDiskOnTheWay) {
  request_.spool.max_bytes = 16 << 20;
  Open();
  const std::string stream = Stream(8 << 20);
  Write(stream);
  Reader reader(request_.out);

  EXPECT_TRUE(ReadUntil(reader, 6 << 20) == stream.substr(0, 6 << 20));

  EXPECT_LE(SpoolOnDisk(), (2 << 20) + (256 << 10) + kOneBlock);
}

TEST_F(Bound, TellsWhatItCannotReadBack) {
  Open();
  Write(Stream(140'000));
  Settle();
  const size_t taken = InTheFifo();
  ASSERT_EQ(truncate(SpoolPath().c_str(), 0), 0);
  writer_.Reset();

  Reader reader(request_.out);

  EXPECT_TRUE(ReadToEnd(reader) ==
              Stream(taken) + Lost(140'000 - taken, strerror(EIO)));
}

// A disk of a megabyte, seen by this process alone.
class SmallSpoolDisk : public Bound {
 protected:
  void SetUp() override {
    Bound::SetUp();
    request_.spool.max_bytes = 64 << 20;
    if (unshare(CLONE_NEWNS) != 0 ||
        mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
        mount("tmpfs", request_.spool.directory.c_str(), "tmpfs", 0,
              "size=1m") != 0) {
      GTEST_SKIP() << "cannot mount a tmpfs: " << strerror(errno);
    }
    mounted_ = true;
  }
  void TearDown() override {
    Bound::TearDown();
    EXPECT_TRUE(!mounted_ || umount(request_.spool.directory.c_str()) == 0);
  }

 private:
  bool mounted_ = false;
};

TEST_F(SmallSpoolDisk, CostsWhatItCannotKeepAndNotTheProcess) {
  Open();
  const std::string stream = Stream(3'000'000);

  Write(stream);
  Settle();

  const size_t kept = InTheFifo() + (1 << 20);
  const uint64_t lost = stream.size() - kept;
  EXPECT_EQ(io_->dropped_bytes(), lost);
  Reader reader(request_.out);
  EXPECT_TRUE(ReadUntil(reader, kept) == stream.substr(0, kept));
  Write("after\n");
  writer_.Reset();
  EXPECT_EQ(ReadToEnd(reader),
            Lost(lost, "No space left on device") + "after\n");
}

TEST_F(SmallSpoolDisk, CostsNothingWhereTheProcessMayWait) {
  request_.spool.when_full = WhenFull::kBlock;
  Open();
  const std::string stream = Stream(3'000'000);

  const size_t written = WriteUntilBlocked(stream);

  EXPECT_LT(written, stream.size());
  Reader reader(request_.out);
  EXPECT_TRUE(ReadUntil(reader, written) == stream.substr(0, written));
  EXPECT_EQ(io_->dropped_bytes(), 0u);
}

TEST_F(SmallSpoolDisk, IsWaitedOutWithoutABusyLoop) {
  Open();
  Write(Stream(3'000'000));
  Settle();

  bool timer = false;
  loop_->After(absl::Milliseconds(50), [&] { timer = true; });
  loop_->RunOnce(absl::Seconds(10));  // returns at the first event there is

  EXPECT_TRUE(timer);
}

}  // namespace
}  // namespace holdfast::containerd
