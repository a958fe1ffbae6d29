#pragma once

#include <mutex>
#include <string>
#include <thread>

#include "absl/time/time.h"
#include "base/unique_fd.h"

namespace holdfast::containerd {

// The reading end of a container's output, as containerd has it: a FIFO of our
// own making, read from the start.
class OutputFifo {
 public:
  enum Existence { kIsNew, kIsThere };
  explicit OutputFifo(std::string path, Existence existence = kIsNew);
  ~OutputFifo();
  OutputFifo(const OutputFifo&) = delete;
  OutputFifo& operator=(const OutputFifo&) = delete;

  const std::string& path() const { return path_; }
  std::string text();
  // All of it, once every writer has gone; a failure of the test: it does not
  // end within `timeout`.
  std::string AwaitEnd(absl::Duration timeout = absl::Seconds(10));
  // False: not within `timeout`.
  bool AwaitText(const std::string& text,
                 absl::Duration timeout = absl::Seconds(10));

 private:
  void Read();

  const std::string path_;
  UniqueFd fd_;
  UniqueFd wake_;
  std::mutex mutex_;
  std::string text_;
  bool ended_ = false;
  std::thread reader_;
};

// The writing end of a container's input.
class InputFifo {
 public:
  explicit InputFifo(std::string path);

  const std::string& path() const { return path_; }
  // Once a shim has opened the other end.
  void Write(const std::string& text);
  void Close() { fd_.Reset(); }

 private:
  const std::string path_;
  UniqueFd fd_;
};

}  // namespace holdfast::containerd
