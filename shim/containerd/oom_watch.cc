#include "shim/containerd/oom_watch.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <utility>

#include "absl/strings/str_cat.h"
#include "base/errors.h"
#include "base/files.h"
#include "cgroups/keyed_file.h"

namespace holdfast::containerd {
namespace {

// v1 signals that memory ran out, and kills after that: the count is looked at
// again for a second.
constexpr absl::Duration kPause = absl::Milliseconds(20);
constexpr int kLooks = 50;

}  // namespace

absl::StatusOr<std::unique_ptr<OomWatch>> OomWatch::Create(
    EventLoop& loop, const ContainerCgroups& groups, OnKill on_kill) {
  if (groups.is_v2()) {
    return OfFile(loop, groups.v2 + "/memory.events", "oom_kill",
                  std::move(on_kill));
  }
  const std::string group = groups.V1("memory");
  if (group.empty()) {
    return absl::FailedPreconditionError("no memory controller is mounted");
  }
  std::unique_ptr<OomWatch> watch(new OomWatch(
      loop, group + "/memory.oom_control", "oom_kill", std::move(on_kill)));
  HOLDFAST_RETURN_IF_ERROR(watch->WatchV1(group));
  watch->Read(watch->told_);
  return watch;
}

absl::StatusOr<std::unique_ptr<OomWatch>> OomWatch::OfFile(EventLoop& loop,
                                                           std::string path,
                                                           std::string key,
                                                           OnKill on_kill) {
  std::unique_ptr<OomWatch> watch(
      new OomWatch(loop, std::move(path), std::move(key), std::move(on_kill)));
  HOLDFAST_RETURN_IF_ERROR(watch->WatchByPoll());
  watch->Read(watch->told_);
  return watch;
}

OomWatch::OomWatch(EventLoop& loop, std::string path, std::string key,
                   OnKill on_kill)
    : loop_(loop),
      path_(std::move(path)),
      key_(std::move(key)),
      on_kill_(std::move(on_kill)) {}

OomWatch::~OomWatch() { StopWatching(); }

absl::Status OomWatch::WatchV1(const std::string& group) {
  is_eventfd_ = true;
  watched_ = UniqueFd(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!watched_) return ErrnoStatus(errno, "eventfd", path_);
  const UniqueFd control(open(path_.c_str(), O_RDONLY | O_CLOEXEC));
  if (!control) return ErrnoStatus(errno, "open", path_);
  HOLDFAST_RETURN_IF_ERROR(
      WriteKernelFile(group + "/cgroup.event_control",
                      absl::StrCat(watched_.get(), " ", control.get())));
  return loop_.Watch(watched_.get(), EPOLLIN, [this](uint32_t) { OnEvent(); });
}

absl::Status OomWatch::WatchByPoll() {
  watched_ = UniqueFd(open(path_.c_str(), O_RDONLY | O_CLOEXEC));
  if (!watched_) return ErrnoStatus(errno, "open", path_);
  return loop_.Watch(watched_.get(), EPOLLPRI, [this](uint32_t) { OnEvent(); });
}

void OomWatch::StopWatching() {
  loop_.Cancel(std::exchange(timer_, 0));
  if (watched_) loop_.Unwatch(watched_.get());
  watched_.Reset();
}

void OomWatch::OnEvent() {
  if (is_eventfd_) {
    uint64_t events;
    (void)!read(watched_.get(), &events, sizeof events);  // only to empty it
    looks_left_ = kLooks;
  }
  LookAgain();
}

void OomWatch::LookAgain() {
  loop_.Cancel(std::exchange(timer_, 0));
  uint64_t count = 0;
  if (!Read(count)) return StopWatching();  // a removed group tells of that too
  if (count <= told_) {
    if (looks_left_ == 0 || --looks_left_ == 0) return;
    timer_ = loop_.After(kPause, [this] {
      timer_ = 0;
      LookAgain();
    });
    return;
  }
  looks_left_ = 0;
  on_kill_(count - std::exchange(told_, count));  // may end this
}

void OomWatch::Check() {
  uint64_t count = 0;
  if (!Read(count) || count <= told_) return;
  on_kill_(count - std::exchange(told_, count));
}

bool OomWatch::Read(uint64_t& count) const {
  // By the watched descriptor where it is the file's: that rearms poll(2).
  char text[4096];
  UniqueFd opened;
  if (is_eventfd_) opened = UniqueFd(open(path_.c_str(), O_RDONLY | O_CLOEXEC));
  const int fd = is_eventfd_ ? opened.get() : watched_.get();
  const ssize_t got = pread(fd, text, sizeof text, 0);
  if (got <= 0) return false;
  const absl::string_view read_text(text, static_cast<size_t>(got));
  count = FindKeyed(read_text, key_).value_or(0);
  return true;
}

}  // namespace holdfast::containerd
