#pragma once

#include <cstdint>

#include "absl/status/statusor.h"
#include "base/unique_fd.h"

namespace holdfast::containerd {

// Where a process's output comes from: our end of its pipe, or a terminal's
// master. Of a terminal, some bytes at a time are put into a pipe of ours, so
// that what is not taken is not in our hands.
class OutputSource {
 public:
  OutputSource() = default;
  // `sees_end`: a pipe of which only writers hold the other end.
  static absl::StatusOr<OutputSource> OfPipe(UniqueFd pipe, bool sees_end);
  static absl::StatusOr<OutputSource> OfTerminal(UniqueFd master);

  explicit operator bool() const { return static_cast<bool>(pipe_); }

  // What is watched, and for what. A terminal that nobody has open is watched
  // for a change alone (EPOLLET), as it may be opened again.
  int watch_fd() const { return master_ ? master_.get() : pipe_.get(); }
  uint32_t watch_events() const;

  // How much can be taken now from pipe().
  uint64_t Available();
  int pipe() const { return pipe_.get(); }

  // Nothing is available and nothing will be: its writers are gone, as
  // `events` (of watch_fd()) or the process's end tell.
  void OnEvents(uint32_t events);
  void ProcessEnded() { process_ended_ = true; }
  bool AtEnd() const;

 private:
  void FillStage();

  UniqueFd pipe_;
  UniqueFd stage_;   // the other end of `pipe_`, for a terminal
  UniqueFd master_;  // a terminal's
  bool sees_end_ = false;
  bool process_ended_ = false;
  bool writers_gone_ = false;
};

}  // namespace holdfast::containerd
