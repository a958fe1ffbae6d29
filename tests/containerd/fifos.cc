#include "tests/containerd/fifos.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "absl/strings/match.h"
#include "gtest/gtest.h"
#include "tests/integration/process_watch.h"

namespace holdfast::containerd {

OutputFifo::OutputFifo(std::string path, Existence existence)
    : path_(std::move(path)), wake_(eventfd(0, EFD_CLOEXEC)) {
  if (existence == kIsNew) {
    EXPECT_EQ(mkfifo(path_.c_str(), 0600), 0) << path_;
  }
  fd_ = UniqueFd(open(path_.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
  reader_ = std::thread([this] { Read(); });
}

OutputFifo::~OutputFifo() {
  const uint64_t one = 1;
  EXPECT_EQ(write(wake_.get(), &one, sizeof(one)),
            static_cast<ssize_t>(sizeof(one)));
  reader_.join();
}

void OutputFifo::Read() {
  // There is no hang-up before the first writer came.
  char buffer[65536];
  for (;;) {
    pollfd fds[] = {{fd_.get(), POLLIN, 0}, {wake_.get(), POLLIN, 0}};
    poll(fds, 2, -1);
    if (fds[1].revents != 0) return;
    const ssize_t size = read(fd_.get(), buffer, sizeof(buffer));
    if (size < 0) continue;
    const std::lock_guard lock(mutex_);
    text_.append(buffer, static_cast<size_t>(size));
    ended_ = size == 0;
    if (ended_) return;
  }
}

std::string OutputFifo::text() {
  const std::lock_guard lock(mutex_);
  return text_;
}

std::string OutputFifo::AwaitEnd(absl::Duration timeout) {
  const bool ended = Eventually(
      [this] {
        const std::lock_guard lock(mutex_);
        return ended_;
      },
      timeout);
  EXPECT_TRUE(ended) << path_ << " has a writer after " << timeout;
  return text();
}

bool OutputFifo::AwaitText(const std::string& wanted, absl::Duration timeout) {
  return Eventually([&] { return absl::StrContains(text(), wanted); }, timeout);
}

InputFifo::InputFifo(std::string path) : path_(std::move(path)) {
  EXPECT_EQ(mkfifo(path_.c_str(), 0600), 0) << path_;
}

void InputFifo::Write(const std::string& text) {
  const bool opened = Eventually([this] {
    if (!fd_) {
      fd_ = UniqueFd(open(path_.c_str(), O_WRONLY | O_NONBLOCK | O_CLOEXEC));
    }
    return static_cast<bool>(fd_);
  });
  EXPECT_TRUE(opened) << path_ << " has no reader";
  EXPECT_EQ(write(fd_.get(), text.data(), text.size()),
            static_cast<ssize_t>(text.size()));
}

}  // namespace holdfast::containerd
