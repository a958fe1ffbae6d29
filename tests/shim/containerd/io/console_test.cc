#include <stdlib.h>
#include <sys/ioctl.h>
#include <termios.h>

#include "gmock/gmock.h"
#include "tests/shim/containerd/io/io_harness.h"

namespace holdfast::containerd {
namespace {

// A real terminal; the test is the process at its other side.
class Console : public IoTest {
 protected:
  void SetUp() override {
    IoTest::SetUp();
    request_.terminal = true;
    request_.in = directory_ / "in";
  }
  void TearDown() override {
    slave_.Reset();
    IoTest::TearDown();
  }

  void Attach() {
    OpenIo();
    OpenMaster();
    AttachMaster();
  }
  void OpenIo() {
    io_ = *ProcessIo::Open(*loop_, request_);
    EXPECT_EQ(io_->process_out(), -1);
  }
  void OpenMaster() {
    master_ = UniqueFd(posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC));
    ASSERT_EQ(unlockpt(master_.get()), 0);
    path_ = ptsname(master_.get());
  }
  void AttachMaster() {
    const absl::Status attached = io_->AttachConsole(std::move(master_));
    ASSERT_TRUE(attached.ok()) << attached;
  }
  void OpenSlave() {
    slave_ = UniqueFd(
        open(path_.c_str(), O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC));
    ASSERT_TRUE(slave_);
    termios settings;
    ASSERT_EQ(tcgetattr(slave_.get(), &settings), 0);
    cfmakeraw(&settings);
    ASSERT_EQ(tcsetattr(slave_.get(), TCSANOW, &settings), 0);
    writer_ = UniqueFd(fcntl(slave_.get(), F_DUPFD_CLOEXEC, 0));
  }
  void CloseSlave() {
    slave_.Reset();
    writer_.Reset();
  }
  bool Sleeps() {
    bool timer = false;
    loop_->After(absl::Milliseconds(50), [&] { timer = true; });
    loop_->RunOnce(absl::Seconds(10));
    return timer;
  }

  UniqueFd master_;  // until it is attached
  std::string path_;
  UniqueFd slave_;
};

TEST_F(Console, BringsOutputByteForByte) {
  Reader reader(request_.out);
  Attach();
  OpenSlave();
  const std::string stream = Stream(500'000);

  std::string got;
  for (size_t written = 0; got.size() < stream.size();) {
    written += WriteSome(absl::string_view(stream).substr(written));
    Turn();
    got += reader.Read();
  }

  EXPECT_TRUE(got == stream);
}

TEST_F(Console, SpoolsWhileNobodyReads) {
  Attach();
  OpenSlave();

  Write(Stream(500'000));

  CloseSlave();
  io_->ProcessEnded();
  Reader reader(request_.out);
  EXPECT_TRUE(ReadToEnd(reader) == Stream(500'000));
}

TEST_F(Console, MayHaveNoReaderAtAll) {
  request_.out = "";
  Attach();
  OpenSlave();

  Write(Stream(500'000));

  EXPECT_EQ(io_->spooled_bytes(), 0u);
}

TEST_F(Console, BringsInput) {
  Attach();
  OpenSlave();
  const std::string stream = Stream(100'000);
  UniqueFd client(open(request_.in.c_str(), O_WRONLY | O_NONBLOCK));

  std::string got;
  size_t sent = 0;
  char buffer[4096];
  EXPECT_TRUE(Until([&] {
    const ssize_t put =
        write(client.get(), stream.data() + sent, stream.size() - sent);
    if (put > 0) sent += static_cast<size_t>(put);
    const ssize_t read_bytes = read(slave_.get(), buffer, sizeof buffer);
    if (read_bytes > 0) got.append(buffer, static_cast<size_t>(read_bytes));
    return got.size() == stream.size();
  })) << got.size();

  EXPECT_TRUE(got == stream);
}

TEST_F(Console, HasTheSizeThatItIsGiven) {
  Attach();
  OpenSlave();

  EXPECT_TRUE(io_->Resize(132, 43).ok());

  winsize size;
  ASSERT_EQ(ioctl(slave_.get(), TIOCGWINSZ, &size), 0);
  EXPECT_EQ(size.ws_col, 132);
  EXPECT_EQ(size.ws_row, 43);
}

TEST_F(Console, IsNotAtItsEndBeforeItIsOpened) {
  Reader reader(request_.out);
  Attach();
  Settle();
  EXPECT_TRUE(Sleeps());

  OpenSlave();
  Write("hello");

  EXPECT_EQ(ReadUntil(reader, 5), "hello");
}

TEST_F(Console, MayBeClosedAndOpenedAgain) {
  Reader reader(request_.out);
  Attach();
  OpenSlave();
  Write("one");
  CloseSlave();
  EXPECT_EQ(ReadUntil(reader, 3), "one");
  Settle();
  EXPECT_TRUE(Sleeps()) << "with the terminal closed";

  OpenSlave();
  Write("two");

  EXPECT_EQ(ReadUntil(reader, 3), "two");
  reader.Read();
  EXPECT_FALSE(reader.at_end());
}

TEST_F(Console, EndsWithTheProcessAndWithEverythingItWrote) {
  Reader reader(request_.out);
  Attach();
  OpenSlave();
  const std::string words = Stream(3000);
  ASSERT_EQ(WriteSome(words), words.size());
  CloseSlave();

  io_->ProcessEnded();

  EXPECT_TRUE(ReadToEnd(reader) == words);
  bool flushed = false;
  io_->Flush(absl::Seconds(10), [&] { flushed = true; });
  EXPECT_TRUE(Until([&] { return flushed; }));
}

TEST_F(Console, EndsThoughItIsAttachedAfterTheProcessEnded) {
  Reader reader(request_.out);
  OpenIo();
  OpenMaster();
  OpenSlave();
  const std::string words = Stream(3000);
  ASSERT_EQ(WriteSome(words), words.size());
  CloseSlave();
  io_->ProcessEnded();

  AttachMaster();

  EXPECT_TRUE(ReadToEnd(reader) == words);
  bool flushed = false;
  io_->Flush(absl::Minutes(10), [&] { flushed = true; });
  EXPECT_TRUE(Until([&] { return flushed; }));
}

}  // namespace
}  // namespace holdfast::containerd
