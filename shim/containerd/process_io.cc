#include "shim/containerd/process_io.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/errors.h"
#include "shim/containerd/io/fifo_sink.h"
#include "shim/containerd/io/file_sink.h"
#include "shim/containerd/io/input_stream.h"
#include "shim/containerd/io/io_uri.h"
#include "shim/containerd/io/logger.h"
#include "shim/containerd/io/output_stream.h"
#include "shim/containerd/io/process_pipe.h"
#include "shim/containerd/io/spool.h"

namespace holdfast::containerd {
namespace {

// As long as containerd's own shim would wait at least; a logger says so within
// milliseconds.
constexpr absl::Duration kLoggerReady = absl::Seconds(5);
// While someone waits for a reader, nothing else tells that it has come.
constexpr absl::Duration kFlushTick = absl::Milliseconds(10);
// A reader is on its way when we are asked, and may open its FIFO later, on a
// starved host much later. It then waits for its end of file before it asks
// again: containerd's CRI service for ever, and does not come up.
constexpr absl::Duration kFirstLook = absl::Milliseconds(10);
constexpr absl::Duration kLongestLook = absl::Seconds(1);
constexpr absl::Duration kLookFor = absl::Minutes(1);

// A bare path may also be a file, which is then appended to.
absl::StatusOr<std::unique_ptr<Sink>> OpenSink(const IoUri& uri) {
  switch (uri.kind) {
    case IoUri::Kind::kNull:
      return FileSink::Open("/dev/null", FileSink::Mode::kMustExist);
    case IoUri::Kind::kFile:
      return FileSink::Open(uri.path, FileSink::Mode::kCreate);
    case IoUri::Kind::kFifo:
      break;
    case IoUri::Kind::kBinary:
      return absl::InvalidArgumentError(
          absl::StrCat("stderr ", uri.path, ": a logger takes both outputs"));
  }
  struct stat info;
  if (stat(uri.path.c_str(), &info) == 0 && !S_ISFIFO(info.st_mode)) {
    return FileSink::Open(uri.path, FileSink::Mode::kMustExist);
  }
  return FifoSink::Open(uri.path);
}

absl::StatusOr<UniqueFd> Duplicate(int fd) {
  UniqueFd other(fcntl(fd, F_DUPFD_CLOEXEC, 0));
  if (!other) return ErrnoStatus(errno, "dup", "a terminal");
  return other;
}

}  // namespace

class ProcessIo::Impl {
 public:
  Impl(EventLoop& loop, ProcessIoRequest request)
      : loop_(loop),
        request_(std::move(request)),
        budget_(request_.spool.budget != nullptr
                    ? request_.spool.budget
                    : std::make_shared<SpoolBudget>(request_.spool.max_bytes)) {
  }
  ~Impl() {
    loop_.Cancel(flush_timer_);
    loop_.Cancel(readers_timer_);
    loop_.Cancel(look_timer_);
  }
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  absl::Status Open() {
    HOLDFAST_ASSIGN_OR_RETURN(const IoUri in, ParseIoUri(request_.in));
    HOLDFAST_ASSIGN_OR_RETURN(const IoUri out, ParseIoUri(request_.out));
    HOLDFAST_ASSIGN_OR_RETURN(IoUri err, ParseIoUri(request_.err));
    HOLDFAST_RETURN_IF_ERROR(OpenInput(in));
    if (out.kind == IoUri::Kind::kBinary) return OpenLogger(out);
    // As containerd means it: both outputs go to the one file.
    if (out.kind == IoUri::Kind::kFile) err = out;
    if (request_.terminal) return AddStream(out, "stdout");
    HOLDFAST_RETURN_IF_ERROR(OpenOutput(out, "stdout", process_out_));
    return OpenOutput(err, "stderr", process_err_);
  }

  int process_in() const { return process_in_.get(); }
  int process_out() const { return process_out_.get(); }
  int process_err() const { return process_err_.get(); }
  void CloseProcessEnds() {
    process_in_.Reset();
    process_out_.Reset();
    process_err_.Reset();
  }

  absl::Status AttachConsole(UniqueFd master) {
    if (!request_.terminal || master_) {
      return absl::FailedPreconditionError(
          "attach a terminal: none is awaited");
    }
    master_ = std::move(master);
    HOLDFAST_ASSIGN_OR_RETURN(UniqueFd out, Duplicate(master_.get()));
    HOLDFAST_ASSIGN_OR_RETURN(OutputSource source,
                              OutputSource::OfTerminal(std::move(out)));
    HOLDFAST_RETURN_IF_ERROR(streams_.front()->Start(std::move(source)));
    // Its process may have ended before its terminal was read.
    if (ended_) streams_.front()->ProcessEnded();
    if (!input_) return absl::OkStatus();
    HOLDFAST_ASSIGN_OR_RETURN(UniqueFd in, Duplicate(master_.get()));
    return input_->Start(std::move(in), /*is_terminal=*/true);
  }

  absl::Status Resize(uint32_t width, uint32_t height) {
    if (!master_) return absl::OkStatus();
    winsize size = {};
    size.ws_col = static_cast<uint16_t>(width);
    size.ws_row = static_cast<uint16_t>(height);
    return ioctl(master_.get(), TIOCSWINSZ, &size) == 0
               ? absl::OkStatus()
               : ErrnoStatus(errno, "resize", "a terminal");
  }

  void CloseStdin() {
    if (input_) input_->Close();
  }

  void LookForReaders() {
    look_until_ = loop_.clock().SinceBoot() + kLookFor;
    Look(kFirstLook);
  }

  void ProcessEnded() {
    ended_ = true;
    for (auto& stream : streams_) stream->ProcessEnded();
    // Who was looked for while it ran may still be on its way.
    if (loop_.clock().SinceBoot() < look_until_) Look(kFirstLook);
  }

  void Flush(absl::Duration timeout, std::function<void()> done) {
    flush_deadline_ = loop_.clock().SinceBoot() + timeout;
    flushed_ = std::move(done);
    CheckFlushed();
  }

  void AwaitReaders(absl::Duration timeout, absl::Duration patience,
                    std::function<void()> done) {
    const absl::Duration now = loop_.clock().SinceBoot();
    readers_deadline_ = now + timeout;
    CheckReaders(patience, LeftBytes(), now + patience, std::move(done));
  }

  bool LacksReader() {
    return std::any_of(
        streams_.begin(), streams_.end(),
        [](const auto& stream) { return stream->LacksReader(); });
  }

  bool AreReadersDone() {
    return std::all_of(streams_.begin(), streams_.end(),
                       [](const auto& stream) { return stream->IsRead(); });
  }

  uint64_t spooled_bytes() const {
    uint64_t bytes = 0;
    for (const auto& stream : streams_) bytes += stream->spool().bytes();
    return bytes;
  }
  uint64_t dropped_bytes() const {
    uint64_t bytes = 0;
    for (const auto& stream : streams_) bytes += stream->spool().lost_bytes();
    return bytes;
  }

 private:
  absl::Status OpenInput(const IoUri& uri) {
    if (uri.kind == IoUri::Kind::kNull) return absl::OkStatus();
    if (uri.kind != IoUri::Kind::kFifo) {
      return absl::InvalidArgumentError(
          absl::StrCat("stdin \"", request_.in, "\": not a FIFO"));
    }
    HOLDFAST_ASSIGN_OR_RETURN(input_, InputStream::Open(loop_, uri.path));
    if (request_.terminal) return absl::OkStatus();
    HOLDFAST_ASSIGN_OR_RETURN(ProcessPipe pipe,
                              MakePipe(request_.uid, request_.gid));
    process_in_ = std::move(pipe.reader);
    return input_->Start(std::move(pipe.writer), /*is_terminal=*/false);
  }

  // The process writes to the logger itself; a terminal's output we bring.
  absl::Status OpenLogger(const IoUri& uri) {
    HOLDFAST_ASSIGN_OR_RETURN(ProcessPipe out,
                              MakePipe(request_.uid, request_.gid));
    HOLDFAST_ASSIGN_OR_RETURN(ProcessPipe err,
                              MakePipe(request_.uid, request_.gid));
    HOLDFAST_ASSIGN_OR_RETURN(
        logger_, Logger::Start(uri, request_.id, request_.name_space,
                               std::move(out.reader), std::move(err.reader),
                               kLoggerReady));
    if (!request_.terminal) {
      process_out_ = std::move(out.writer);
      process_err_ = std::move(err.writer);
      return absl::OkStatus();
    }
    const int flags = fcntl(out.writer.get(), F_GETFL);
    if (flags < 0 || fcntl(out.writer.get(), F_SETFL, flags | O_NONBLOCK)) {
      return ErrnoStatus(errno, "fcntl", uri.path);
    }
    AddStream(std::make_unique<FifoSink>(std::move(out.writer)), "stdout");
    return absl::OkStatus();
  }

  absl::Status OpenOutput(const IoUri& uri, absl::string_view stream,
                          UniqueFd& process_end) {
    if (uri.kind == IoUri::Kind::kNull) return absl::OkStatus();
    HOLDFAST_RETURN_IF_ERROR(AddStream(uri, stream));
    const bool lasts = request_.outlives_us;
    HOLDFAST_ASSIGN_OR_RETURN(
        ProcessPipe pipe, lasts ? MakeLastingPipe(request_.uid, request_.gid)
                                : MakePipe(request_.uid, request_.gid));
    process_end = std::move(pipe.writer);
    HOLDFAST_ASSIGN_OR_RETURN(
        OutputSource source,
        OutputSource::OfPipe(std::move(pipe.reader), /*sees_end=*/!lasts));
    return streams_.back()->Start(std::move(source));
  }

  absl::Status AddStream(const IoUri& uri, absl::string_view stream) {
    HOLDFAST_ASSIGN_OR_RETURN(std::unique_ptr<Sink> sink, OpenSink(uri));
    AddStream(std::move(sink), stream);
    return absl::OkStatus();
  }

  void AddStream(std::unique_ptr<Sink> sink, absl::string_view stream) {
    const SpoolOptions& options = request_.spool;
    const bool spools = !options.directory.empty();
    streams_.push_back(std::make_unique<OutputStream>(
        loop_, std::move(sink),
        std::make_unique<Spool>(
            spools ? absl::StrCat(options.directory, "/", request_.name, stream,
                                  ".spool")
                   : "",
            budget_),
        spools ? options.when_full : WhenFull::kBlock,
        [this] { OnProgress(); }));
  }

  bool IsFlushed() {
    for (auto& stream : streams_) {
      if (!stream->IsFlushed()) return false;
    }
    return logger_ == nullptr || logger_->HasEnded();
  }

  uint64_t LeftBytes() const {
    uint64_t bytes = 0;
    for (const auto& stream : streams_) bytes += stream->left_bytes();
    return bytes;
  }

  void RetryReaders() {
    for (auto& stream : streams_) stream->RetryReader();
  }

  void Look(absl::Duration next) {
    loop_.Cancel(look_timer_);
    look_timer_ = 0;
    RetryReaders();
    const bool awaits_one =
        ended_ && std::any_of(streams_.begin(), streams_.end(),
                              [](const auto& s) { return s->AwaitsReader(); });
    if (!awaits_one || loop_.clock().SinceBoot() >= look_until_) return;
    look_timer_ = loop_.After(
        next, [this, next] { Look(std::min(next * 2, kLongestLook)); });
  }

  // `left`: of the last look; `patient_until`: another one is to find fewer.
  void CheckReaders(absl::Duration patience, uint64_t left,
                    absl::Duration patient_until, std::function<void()> done) {
    RetryReaders();
    const absl::Duration now = loop_.clock().SinceBoot();
    const uint64_t left_now = LeftBytes();
    if (left_now != left) patient_until = now + patience;
    if (AreReadersDone() || now >= std::min(readers_deadline_, patient_until)) {
      return done();  // may destroy this
    }
    readers_timer_ = loop_.After(
        kFlushTick,
        [this, patience, left_now, patient_until, done = std::move(done)] {
          CheckReaders(patience, left_now, patient_until, done);
        });
  }

  // Not from within a stream, which `flushed_` may destroy.
  void OnProgress() {
    if (flushed_) CheckAfter(absl::ZeroDuration());
  }

  void CheckAfter(absl::Duration delay) {
    loop_.Cancel(flush_timer_);
    flush_timer_ = loop_.After(delay, [this] { CheckFlushed(); });
  }

  void CheckFlushed() {
    RetryReaders();
    if (!IsFlushed() && loop_.clock().SinceBoot() < flush_deadline_) {
      CheckAfter(kFlushTick);
      return;
    }
    loop_.Cancel(flush_timer_);
    const std::function<void()> done = std::exchange(flushed_, nullptr);
    done();  // may destroy this
  }

  EventLoop& loop_;
  const ProcessIoRequest request_;
  const std::shared_ptr<SpoolBudget> budget_;
  UniqueFd process_in_;
  UniqueFd process_out_;
  UniqueFd process_err_;
  UniqueFd master_;
  std::unique_ptr<Logger> logger_;
  std::unique_ptr<InputStream> input_;
  std::vector<std::unique_ptr<OutputStream>> streams_;
  bool ended_ = false;
  std::function<void()> flushed_;  // what Flush() was given
  absl::Duration flush_deadline_;
  EventLoop::TimerId flush_timer_ = 0;
  absl::Duration readers_deadline_;
  EventLoop::TimerId readers_timer_ = 0;
  absl::Duration look_until_;
  EventLoop::TimerId look_timer_ = 0;
};

absl::StatusOr<std::unique_ptr<ProcessIo>> ProcessIo::Open(
    EventLoop& loop, const ProcessIoRequest& request) {
  auto impl = std::make_unique<Impl>(loop, request);
  HOLDFAST_RETURN_IF_ERROR(impl->Open());
  return std::unique_ptr<ProcessIo>(new ProcessIo(std::move(impl)));
}

ProcessIo::ProcessIo(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
ProcessIo::~ProcessIo() = default;

int ProcessIo::process_in() const { return impl_->process_in(); }
int ProcessIo::process_out() const { return impl_->process_out(); }
int ProcessIo::process_err() const { return impl_->process_err(); }
void ProcessIo::CloseProcessEnds() { impl_->CloseProcessEnds(); }
absl::Status ProcessIo::AttachConsole(UniqueFd master) {
  return impl_->AttachConsole(std::move(master));
}
absl::Status ProcessIo::Resize(uint32_t width, uint32_t height) {
  return impl_->Resize(width, height);
}
void ProcessIo::CloseStdin() { impl_->CloseStdin(); }
void ProcessIo::LookForReaders() { impl_->LookForReaders(); }
void ProcessIo::ProcessEnded() { impl_->ProcessEnded(); }
void ProcessIo::Flush(absl::Duration timeout, std::function<void()> done) {
  impl_->Flush(timeout, std::move(done));
}
void ProcessIo::AwaitReaders(absl::Duration timeout, absl::Duration patience,
                             std::function<void()> done) {
  impl_->AwaitReaders(timeout, patience, std::move(done));
}
bool ProcessIo::LacksReader() { return impl_->LacksReader(); }

bool ProcessIo::AreReadersDone() { return impl_->AreReadersDone(); }
uint64_t ProcessIo::spooled_bytes() const { return impl_->spooled_bytes(); }
uint64_t ProcessIo::dropped_bytes() const { return impl_->dropped_bytes(); }

}  // namespace holdfast::containerd
