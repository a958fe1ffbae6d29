#pragma once

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/event_loop.h"
#include "base/unique_fd.h"
#include "gtest/gtest.h"
#include "shim/containerd/process_io.h"
#include "tests/fakes/slowness.h"
#include "tests/fakes/temporary_directory.h"

namespace holdfast::containerd {

inline int OpenFds() {
  DIR* directory = opendir("/proc/self/fd");
  int count = 0;
  while (readdir(directory) != nullptr) ++count;
  closedir(directory);
  return count;
}

// Bytes of which any two places can be told apart by a few neighbours.
inline std::string Stream(size_t length, size_t from = 0) {
  std::string bytes(length, '\0');
  for (size_t i = 0; i < length; ++i) {
    const size_t at = from + i;
    bytes[i] = static_cast<char>(at ^ (at >> 8) * 31 ^ (at >> 16) * 17);
  }
  return bytes;
}

// A client's end of a FIFO, which does not block.
class Reader {
 public:
  explicit Reader(const std::string& path)
      : fd_(open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC)) {}

  // What is there now, up to `limit`; remembers an end of file.
  std::string Read(size_t limit = 1 << 20) {
    std::string bytes(limit, '\0');
    const ssize_t got = read(fd_.get(), bytes.data(), limit);
    at_end_ = got == 0;
    bytes.resize(got > 0 ? static_cast<size_t>(got) : 0);
    return bytes;
  }
  bool at_end() const { return at_end_; }
  int fd() const { return fd_.get(); }

 private:
  UniqueFd fd_;
  bool at_end_ = false;
};

// A process's stdio with FIFOs "in", "out", "err" in a directory of the test's.
// The test is the process, too.
class IoTest : public ::testing::Test {
 protected:
  void SetUp() override {
    signal(SIGPIPE, SIG_IGN);
    loop_ = *EventLoop::Create();
    fds_before_ = OpenFds();
    for (const char* name : {"in", "out", "err"}) {
      ASSERT_EQ(mkfifo((directory_ / name).c_str(), 0600), 0);
    }
    ASSERT_EQ(mkdir((directory_ / "spool").c_str(), 0700), 0);
    request_.out = directory_ / "out";
    request_.spool.directory = directory_ / "spool";
  }
  void TearDown() override {
    writer_.Reset();
    io_.reset();
    EXPECT_TRUE(HasFailure() || OpenFds() == fds_before_) << "a leak";
  }

  void Open() {
    absl::StatusOr<std::unique_ptr<ProcessIo>> io =
        ProcessIo::Open(*loop_, request_);
    ASSERT_TRUE(io.ok()) << io.status();
    io_ = *std::move(io);
    if (io_->process_out() >= 0) {
      writer_ = UniqueFd(fcntl(io_->process_out(), F_DUPFD_CLOEXEC, 0));
      fcntl(writer_.get(), F_SETFL, O_NONBLOCK);  // we are the loop, too
    }
    io_->CloseProcessEnds();
  }

  void Turn() { loop_->RunOnce(absl::ZeroDuration()); }

  // Turns the loop until `holds`, a minute at most.
  bool Until(const std::function<bool()>& holds) {
    const absl::Duration deadline =
        SystemClock().SinceBoot() + absl::Minutes(1);
    while (!holds()) {
      if (SystemClock().SinceBoot() > deadline) return false;
      loop_->RunOnce(absl::Milliseconds(5));
    }
    return true;
  }

  // As much of `bytes` as the pipe takes now; how much.
  size_t WriteSome(absl::string_view bytes) {
    const ssize_t put = write(writer_.get(), bytes.data(), bytes.size());
    return put > 0 ? static_cast<size_t>(put) : 0;
  }
  void Write(absl::string_view bytes) {
    size_t done = 0;
    ASSERT_TRUE(Until([&] {
      done += WriteSome(bytes.substr(done));
      return done == bytes.size();
    })) << "the process is blocked after "
        << done;
  }
  // Turns the loop until it sleeps.
  void Settle() {
    bool slept = false;
    while (!slept) {
      const EventLoop::TimerId timer =
          loop_->After(absl::Milliseconds(20), [&] { slept = true; });
      loop_->RunOnce(absl::Seconds(10));  // returns at the first event
      loop_->Cancel(timer);
    }
  }

  std::string ReadUntil(Reader& reader, size_t length) {
    std::string bytes;
    EXPECT_TRUE(Until([&] {
      bytes += reader.Read(length - bytes.size());
      return bytes.size() == length;
    })) << "only "
        << bytes.size();
    return bytes;
  }
  std::string ReadToEnd(Reader& reader) {
    std::string bytes;
    EXPECT_TRUE(Until([&] {
      bytes += reader.Read();
      return reader.at_end();
    })) << "no end of file after "
        << bytes.size();
    return bytes;
  }

  std::string SpoolPath() const { return directory_ / "spool/stdout.spool"; }
  uint64_t SpoolOnDisk() const {
    struct stat info = {};
    if (stat(SpoolPath().c_str(), &info) != 0) return 0;
    return static_cast<uint64_t>(info.st_blocks) * 512;
  }

  TemporaryDirectory directory_;
  std::unique_ptr<EventLoop> loop_;
  ProcessIoRequest request_;
  std::unique_ptr<ProcessIo> io_;
  UniqueFd writer_;  // the process's stdout
  int fds_before_ = 0;
};

}  // namespace holdfast::containerd
