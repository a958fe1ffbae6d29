#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <string>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "api/types.pb.h"
#include "base/event_loop.h"
#include "base/worker_pool.h"
#include "cgroups/cgroups.h"
#include "plugin/service/executor.h"

namespace holdfast {

// Changes what an executor's cgroup enforces, while it runs: imposes the new
// limits, has them kept by its shim, and answers when both is done. Where
// either fails the former ones are imposed again, so that what is kept is what
// holds. One change of an executor at a time: two callers may not leave the
// kernel with the one's limits and the journal with the other's. Lives on the
// loop; these outlive it.
class LimitsChanger {
 public:
  using Done = std::function<void(absl::Status)>;

  LimitsChanger(EventLoop& loop, WorkerPool& workers, Cgroups& cgroups)
      : loop_(loop), workers_(workers), cgroups_(cgroups) {}

  // FailedPrecondition LIMIT_NOT_ENFORCEABLE, CONTAINER_ENDED. Unavailable
  // RECOVERING: its shim does not answer, or it is still being launched.
  void Change(std::shared_ptr<Executor> executor,
              const v1::Resources& resources, Done done);

 private:
  struct Work {
    std::shared_ptr<Executor> executor;
    v1::Resources resources;
    Done done;
  };
  using Queue = std::deque<Work>;

  void Begin(const Work& work);
  void Keep(const Work& work);
  void AwaitRecord(const Work& work);
  void Restore(const Work& work, const absl::Status& why);
  void Finish(const Work& work, const absl::Status& status);
  // SetLimits on a worker; `then` on the loop.
  void Impose(const Work& work, const v1::Resources& resources, Done then);

  EventLoop& loop_;
  WorkerPool& workers_;
  Cgroups& cgroups_;
  // By container; the first one is under way.
  absl::flat_hash_map<std::string, Queue> queues_;
};

}  // namespace holdfast
