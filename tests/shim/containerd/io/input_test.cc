#include <sys/ioctl.h>

#include "gmock/gmock.h"
#include "tests/shim/containerd/io/io_harness.h"

namespace holdfast::containerd {
namespace {

class Input : public IoTest {
 protected:
  void SetUp() override {
    IoTest::SetUp();
    request_.out = "";
    request_.in = directory_ / "in";
    io_ = *ProcessIo::Open(*loop_, request_);
    process_ = UniqueFd(fcntl(io_->process_in(), F_DUPFD_CLOEXEC, 0));
    fcntl(process_.get(), F_SETFL, O_NONBLOCK);  // we are the loop, too
    io_->CloseProcessEnds();
  }
  void TearDown() override {
    process_.Reset();
    IoTest::TearDown();
  }

  UniqueFd Client() const {
    return UniqueFd(
        open(request_.in.c_str(), O_WRONLY | O_NONBLOCK | O_CLOEXEC));
  }

  // What the process reads until `length` or, with 0, the end.
  std::string ProcessReads(size_t length) {
    std::string bytes;
    char buffer[4096];
    EXPECT_TRUE(Until([&] {
      const ssize_t got = read(process_.get(), buffer, sizeof buffer);
      if (got > 0) bytes.append(buffer, static_cast<size_t>(got));
      return length == 0 ? got == 0 : bytes.size() >= length;
    })) << "after "
        << bytes.size();
    return bytes;
  }

  UniqueFd process_;
};

TEST_F(Input, ComesFromClientsThatComeAndGo) {
  ASSERT_EQ(write(Client().get(), "one ", 4), 4);
  EXPECT_EQ(ProcessReads(4), "one ");
  Settle();

  ASSERT_EQ(write(Client().get(), "two", 3), 3);

  EXPECT_EQ(ProcessReads(3), "two");
  Settle();
  char byte;
  EXPECT_EQ(read(process_.get(), &byte, 1), -1) << "no end of file";
}

TEST_F(Input, EndsAfterAllThatWasSent) {
  ASSERT_EQ(write(Client().get(), "last words", 10), 10);

  io_->CloseStdin();

  EXPECT_EQ(ProcessReads(0), "last words");
}

TEST_F(Input, OfOneClientOutlivesThatItIsClosed) {
  const UniqueFd client = Client();
  io_->CloseStdin();
  Settle();

  ASSERT_EQ(write(client.get(), "still", 5), 5);

  EXPECT_EQ(ProcessReads(5), "still");
}

TEST_F(Input, WaitsForAProcessThatDoesNotRead) {
  const std::string stream = Stream(1'000'000);
  UniqueFd client = Client();
  size_t sent = 0;
  const auto send = [&] {
    const ssize_t put =
        write(client.get(), stream.data() + sent, stream.size() - sent);
    if (put > 0) sent += static_cast<size_t>(put);
  };
  for (int turn = 0; turn < 10; ++turn) {
    send();
    Settle();  // and so it sleeps
  }
  EXPECT_LT(sent, 300'000u);

  std::string got;
  while (sent < stream.size()) {
    const size_t before = sent;
    got += ProcessReads(before - got.size());
    send();
  }
  io_->CloseStdin();
  client.Reset();
  got += ProcessReads(0);

  EXPECT_TRUE(got == stream);
}

TEST_F(Input, StopsWhenTheProcessHasClosedIt) {
  const UniqueFd client = Client();
  process_.Reset();

  ASSERT_EQ(write(client.get(), "words", 5), 5);

  EXPECT_TRUE(Until([&] {
    return write(client.get(), "x", 1) < 0 && errno == EPIPE;
  })) << "a client must learn of it";
}

TEST_F(Input, IsClosedWithoutHavingBeenUsed) {
  io_->CloseStdin();

  EXPECT_EQ(ProcessReads(0), "");
}

}  // namespace
}  // namespace holdfast::containerd
