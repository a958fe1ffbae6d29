#pragma once

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "base/unique_fd.h"
#include "shim/containerd/io/sink.h"

namespace holdfast::containerd {

// A file that is appended to, perhaps by others too: O_APPEND, to which
// nothing can be spliced. One that refuses to grow is as good as a reader that
// is away.
class FileSink : public Sink {
 public:
  enum class Mode { kCreate, kMustExist };

  // kCreate also makes the directories that it is in.
  static absl::StatusOr<std::unique_ptr<Sink>> Open(const std::string& path,
                                                    Mode mode);
  explicit FileSink(UniqueFd file) : file_(std::move(file)) {}

  Taken TakeFrom(int pipe, uint64_t limit) override;
  bool TakesPipes() const override { return false; }
  Taken Take(absl::string_view bytes) override;
  int watch_fd() const override { return -1; }
  void OnEvents(uint32_t) override {}
  bool ReaderIsAway() override { return true; }
  bool Finish() override { return true; }

 private:
  UniqueFd file_;
};

}  // namespace holdfast::containerd
