#pragma once

#include <deque>
#include <functional>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/event_loop.h"
#include "base/worker_pool.h"

namespace holdfast {

// Changes of the agent's own records, one after the other, each from what the
// one before it has left: who decides sees nothing half done, and no two write
// the same file.
class RecordWriter {
 public:
  // Waits for the disk, on a thread of the writer's own. None: there is
  // nothing to write.
  using Write = std::function<absl::Status()>;
  using Decide = std::function<absl::StatusOr<Write>()>;
  using Done = std::function<void(absl::Status)>;

  explicit RecordWriter(EventLoop& loop) : loop_(loop) {}

  // `decide`, on the loop, when it is this change's turn; what it gives is
  // written; `done`, on the loop, with the first error of both. Whoever keeps
  // the record in memory changes it in `done`, when that is OK.
  void Add(Decide decide, Done done);

 private:
  void Next();
  void Finish(const absl::Status& status);

  EventLoop& loop_;
  std::deque<std::pair<Decide, Done>> waiting_;
  bool busy_ = false;
  WorkerPool thread_{1};
};

}  // namespace holdfast
