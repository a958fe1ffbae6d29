#pragma once

#include <fcntl.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <memory>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/event_loop.h"
#include "base/files.h"
#include "gtest/gtest.h"
#include "shim/output/output_log.h"

namespace holdfast::shim {

// A log of "stdout" in a temporary directory, with the writer's end of its
// pipe.
class OutputTest : public ::testing::Test {
 protected:
  void SetUp() override {
    char path[] = "/tmp/holdfast-output-XXXXXX";
    ASSERT_NE(mkdtemp(path), nullptr);
    directory_ = path;
    loop_ = *EventLoop::Create();
  }
  void TearDown() override {
    log_.reset();
    EXPECT_TRUE(RemoveTree(directory_).ok());
  }

  void Open(OutputBounds bounds = {}) {
    int ends[2];
    ASSERT_EQ(pipe2(ends, O_CLOEXEC), 0);
    writer_ = UniqueFd(ends[1]);
    absl::StatusOr<std::unique_ptr<OutputLog>> log = OutputLog::Create(
        *loop_, UniqueFd(ends[0]), directory_, "stdout", bounds);
    ASSERT_TRUE(log.ok()) << log.status();
    log_ = *std::move(log);
  }

  // Writes all of it, turning the loop whenever the pipe may be full.
  void Write(const std::string& bytes) {
    for (size_t done = 0; done < bytes.size();) {
      const std::string piece = bytes.substr(done, 4096);
      ASSERT_EQ(write(writer_.get(), piece.data(), piece.size()),
                static_cast<ssize_t>(piece.size()));
      done += piece.size();
      Turn();
    }
  }

  void Turn() { loop_->RunOnce(absl::ZeroDuration()); }

  int InThePipe() const {
    int bytes = -1;
    EXPECT_EQ(ioctl(writer_.get(), FIONREAD, &bytes), 0);
    return bytes;
  }

  std::string Path(int index) const {
    return index == 0 ? absl::StrCat(directory_, "/stdout")
                      : absl::StrCat(directory_, "/stdout.", index);
  }
  bool Exists(int index) const {
    return access(Path(index).c_str(), F_OK) == 0;
  }
  std::string Read(int index) const {
    absl::StatusOr<std::string> content = ReadSmallFile(Path(index));
    return content.ok() ? *content : content.status().ToString();
  }

  // stdout.N … stdout.1 stdout, one after the other.
  std::string ReadAll() const {
    int oldest = 0;
    while (Exists(oldest + 1)) ++oldest;
    std::string all;
    for (int i = oldest; i >= 0; --i) all += Read(i);
    return all;
  }

  std::string directory_;
  std::unique_ptr<EventLoop> loop_;
  UniqueFd writer_;
  std::unique_ptr<OutputLog> log_;
};

// Bytes of which any two places can be told apart by a few neighbours.
inline std::string Stream(size_t length, size_t from = 0) {
  std::string bytes(length, '\0');
  for (size_t i = 0; i < length; ++i) {
    const size_t at = from + i;
    bytes[i] = static_cast<char>(at ^ (at >> 8) * 31 ^ (at >> 16) * 17);
  }
  return bytes;
}

}  // namespace holdfast::shim
