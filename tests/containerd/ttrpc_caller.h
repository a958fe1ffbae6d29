#pragma once

#include <condition_variable>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "base/unique_fd.h"

namespace holdfast::containerd {

// A frame of ttrpc: length u32, stream u32, type u8, flags u8, big-endian, and
// the data. In words of the tests' own, so that two ends of ours cannot agree
// on something else than containerd's.
struct WireFrame {
  uint32_t stream = 0;
  uint8_t type = 0;
  std::string data;
};
bool ReadFrame(int fd, WireFrame& frame);  // false: the end
bool WriteFrame(int fd, const WireFrame& frame);

// The calling end of ttrpc, as containerd has it: blocking, any number of calls
// at once. Statuses are the server's, codes and texts.
class TtrpcCaller {
 public:
  // `path` of a unix socket.
  static absl::StatusOr<std::unique_ptr<TtrpcCaller>> Connect(
      const std::string& path);
  ~TtrpcCaller();

  // The stream that it is answered on.
  uint32_t Begin(const std::string& service, const std::string& method,
                 const std::string& payload);
  // DeadlineExceeded: not answered in time; it may be asked for again.
  // Unavailable: the connection is closed.
  absl::StatusOr<std::string> Await(uint32_t stream, absl::Duration timeout);
  bool IsAnswered(uint32_t stream);

 private:
  explicit TtrpcCaller(UniqueFd fd);
  void ReadAnswers();

  UniqueFd fd_;
  std::mutex mutex_;
  std::condition_variable changed_;
  uint32_t next_stream_ = 1;
  bool closed_ = false;
  std::map<uint32_t, absl::StatusOr<std::string>> answers_;
  std::thread reader_;
};

}  // namespace holdfast::containerd
