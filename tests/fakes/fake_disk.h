#pragma once

#include <cstdint>
#include <limits>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "base/files.h"

namespace holdfast {

// Which sectors of a write reach the disk when its writer dies in it: a disk
// orders the sectors of one write as it likes.
struct Tear {
  static constexpr size_t kAll = std::numeric_limits<size_t>::max();

  size_t first = 0;  // so many from the front
  size_t last = 0;   // and so many from the back

  // The operation takes effect, and the dead never hear of it.
  bool IsWhole() const { return first == kAll; }
};

// A file system in memory, with what its user may rely on and no more: a
// write is durable when it returns, a name (created, renamed, removed) when
// its directory was synced. It dies at any operation one likes, and can be
// looked at as the death of the process or a power cut leaves it. Paths are
// taken literally; parent directories need not exist.
class FakeDisk : public Files {
 public:
  static constexpr int kNever = -1;
  static constexpr size_t kSectorBytes = 512;

  // Every call to the disk or one of its files is an operation. In the one
  // with number `die_at` (from 0) the process dies: that one is torn as `tear`
  // says and it and all after it are Unavailable, until it is started anew.
  explicit FakeDisk(int die_at = kNever, Tear tear = {})
      : die_at_(die_at), tear_(tear) {}

  // A new process on the same kernel: locks are free, handles are dead.
  void RestartProcess();
  // A new process after a power cut: names that were not synced are as they
  // were before, or as they would have been.
  void DropUnsynced();
  void KeepUnsynced();

  // Operation number `operation` has no effect and returns `status`.
  void FailAt(int operation, absl::Status status);
  void DieAt(int operation, Tear tear = {});

  int operations() const { return operations_; }
  bool died() const { return died_; }
  bool Exists(const std::string& path) const { return names_.contains(path); }
  // Of the file at `path`, which is there.
  std::string Content(const std::string& path) const;
  void SetContent(const std::string& path, std::string content);

  absl::StatusOr<std::unique_ptr<File>> Open(const std::string& path,
                                             Mode mode) override;
  absl::Status Rename(const std::string& from, const std::string& to) override;
  absl::Status Remove(const std::string& path) override;
  absl::Status SyncDirectory(const std::string& path) override;
  absl::Status MakeDirectory(const std::string& path, mode_t mode) override;
  absl::StatusOr<std::vector<std::string>> List(
      const std::string& path) override;

 private:
  class Handle;
  struct Node {
    bool directory = false;
    std::string content;
    const Handle* locked_by = nullptr;
  };
  using Names = std::map<std::string, std::shared_ptr<Node>>;
  // What becomes of one operation.
  struct Fate {
    absl::Status status;
    bool takes_effect = true;
    bool torn = false;
  };

  Fate NextOperation(int process);
  static void MoveBelow(Names& names, const std::string& from,
                        const std::string& to);

  Names names_;         // as the kernel has them
  Names synced_names_;  // as the disk has them
  int process_ = 0;
  int operations_ = 0;
  int die_at_;
  Tear tear_;
  bool dead_ = false;
  bool died_ = false;
  std::map<int, absl::Status> failures_;
};

}  // namespace holdfast
