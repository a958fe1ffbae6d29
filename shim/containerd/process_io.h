#pragma once

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "base/event_loop.h"
#include "base/unique_fd.h"
#include "shim/containerd/io/when_full.h"

namespace holdfast::containerd {

class SpoolBudget;

struct SpoolOptions {
  std::string directory;  // of <name>stdout.spool, <name>stderr.spool
  uint64_t max_bytes = 64 * 1024 * 1024;  // of both streams together
  // Where several processes of a container share the bound (and `max_bytes` is
  // not used): io/spool.h.
  std::shared_ptr<SpoolBudget> budget;
  WhenFull when_full = WhenFull::kSpool;
};

// What a process is to be joined with, as Create and Exec say: each empty
// (/dev/null), a FIFO ("/path" or "fifo:///path"), a file that is appended to
// ("file:///path"), or a logger ("binary:///program?key=value": its argument
// list; both outputs go to one such program). Scheme and path of stdin: a FIFO.
struct ProcessIoRequest {
  std::string id;          // CONTAINER_ID of a logger
  std::string name_space;  // CONTAINER_NAMESPACE
  std::string in;
  std::string out;
  std::string err;
  bool terminal = false;  // `err` is not used then
  uid_t uid = 0;          // who owns the process's ends of the pipes
  gid_t gid = 0;
  // Begins the names of its files, where several processes share directories.
  std::string name;
  // The process outlives our death: each end of its output's pipes is open on
  // both sides, and its end of output is not seen by itself (ProcessEnded).
  bool outlives_us = false;
  SpoolOptions spool;  // without a directory: nothing is spooled
};

// The stdio of one process: what it writes goes to its reader, in order and
// byte for byte. While the reader is away, or slow, it goes to a spool on disk
// and from there to the reader when that is back, so that the process is never
// blocked (but see WhenFull). Bytes are moved by splice(2).
//
// A FIFO's writing end is held open all the time: a reader can open it without
// waiting. What waits for a reader that is away is in the FIFO first, and then
// in the spool; that a reader is back is noticed when it takes something out of
// the full FIFO. Only its end of file, where less than that was left, waits for
// LookForReaders(). A client's FIFO can thus have up to its capacity more than
// the spool's bound.
//
// SIGPIPE is to be ignored.
class ProcessIo {
 public:
  // NotFound: there is no such FIFO, or no such logger; it names it.
  // InvalidArgument: a scheme that we do not know. DeadlineExceeded: a logger
  // was not ready in 5 s, for which this waits. Others: from the system.
  static absl::StatusOr<std::unique_ptr<ProcessIo>> Open(
      EventLoop& loop, const ProcessIoRequest& request);
  ~ProcessIo();

  // The process's ends, for the runtime's command; -1: /dev/null, or there is
  // a terminal. Valid until CloseProcessEnds().
  int process_in() const;
  int process_out() const;
  int process_err() const;
  // The process has them now.
  void CloseProcessEnds();

  // A terminal's master: its output and input from now on. FailedPrecondition:
  // there is to be none, or there is one.
  absl::Status AttachConsole(UniqueFd master);
  // OK without a terminal.
  absl::Status Resize(uint32_t width, uint32_t height);
  // No more input: what was sent before still reaches the process.
  void CloseStdin();

  // A reader may be back, or be so within a minute: to be called with each new
  // connection and request.
  void LookForReaders();

  // The process has ended: what is in its pipes is taken, and where it was to
  // outlive us nothing more will come. Each reader gets its end of file once it
  // has everything. Plain pipes: when all their writers are gone.
  void ProcessEnded();
  // `done` from the loop when every reader that is there has everything, or
  // `timeout` has passed; before this returns where that is so. Once the
  // process has ended.
  void Flush(absl::Duration timeout, std::function<void()> done);

  // The same, when they have also taken it out of their FIFOs, or took nothing
  // for `patience`. For one at a time, beside one Flush().
  void AwaitReaders(absl::Duration timeout, absl::Duration patience,
                    std::function<void()> done);
  bool AreReadersDone();
  // Of a stream with output.
  bool LacksReader();

  uint64_t spooled_bytes() const;  // not yet with a reader
  uint64_t dropped_bytes() const;

 private:
  class Impl;
  explicit ProcessIo(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace holdfast::containerd
