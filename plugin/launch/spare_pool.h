#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "base/files.h"
#include "base/mutex.h"
#include "base/worker_pool.h"
#include "plugin/checkpoint/layout.h"
#include "shim/records/journal.h"

namespace holdfast {

// An executor's directory that is ready: its journal is zero-filled, locked
// and without a record, and everything is on disk. Its runtime directory, with
// the pipes, is <shims>/.spare-<id>, or could not be made ahead.
struct Spare {
  std::string id;
  Journal journal;
};

// Executors' directories, made ahead: a launch then makes no file on the disk
// of the checkpoint and waits for one write instead of three. They are made
// by one thread, some at a time, and only after a launch: a plugin that
// launches nothing makes none. Thread-safe.
class SparePool {
 public:
  static constexpr size_t kSize = 32;
  static constexpr size_t kBatch = 8;

  SparePool(Files& files, Layout layout, size_t size = kSize)
      : files_(files), layout_(std::move(layout)), size_(size) {}

  // From now on spares are made. Before, a former life's must be gone.
  void Open() ABSL_LOCKS_EXCLUDED(mutex_);

  // Nothing: none is ready, and the launch makes its own.
  std::optional<Spare> Take() ABSL_LOCKS_EXCLUDED(mutex_);

  // Removes what is there, and makes no more.
  void Close() ABSL_LOCKS_EXCLUDED(mutex_, making_);

  // Makes those that are missing, in this thread.
  absl::Status Refill() ABSL_LOCKS_EXCLUDED(mutex_, making_);

 private:
  // What is being made, until it is on disk.
  using Batch = std::vector<Spare>;

  void RefillWhereLow() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void RefillBehind() ABSL_LOCKS_EXCLUDED(mutex_, making_);
  size_t Missing() ABSL_LOCKS_EXCLUDED(mutex_);
  absl::Status MakeBatch(size_t count, Batch& batch);
  absl::StatusOr<Spare> MakeOne();
  absl::Status Remove(const std::string& id);

  Files& files_;
  const Layout layout_;
  const size_t size_;
  Mutex making_;  // held while some are made, before mutex_
  Mutex mutex_;
  bool open_ ABSL_GUARDED_BY(mutex_) = false;
  bool wanted_ ABSL_GUARDED_BY(mutex_) = false;  // there was a launch
  bool refilling_ ABSL_GUARDED_BY(mutex_) = false;
  std::vector<Spare> spares_ ABSL_GUARDED_BY(mutex_);
  WorkerPool maker_{1};  // the last, so that it ends first
};

}  // namespace holdfast
