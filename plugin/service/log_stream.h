#pragma once

#include <memory>
#include <vector>

#include "api/orchestrator.pb.h"
#include "base/event_loop.h"
#include "base/worker_pool.h"
#include "plugin/service/agent.h"
#include "plugin/service/log_reader.h"
#include "plugin/service/stream_writer.h"

namespace holdfast {

// One Logs call: reads a task's output on the workers, a bounded amount ahead
// of what its client takes, and looks for more as long as it follows. Lives
// on the loop, held by what it has posted; it ends with its stream.
class LogStream : public std::enable_shared_from_this<LogStream> {
 public:
  using Writer = StreamWriter<v1::LogsResponse>;

  LogStream(EventLoop& loop, WorkerPool& workers, const Agent& agent,
            v1::LogsRequest request, std::shared_ptr<Writer> writer)
      : loop_(loop),
        workers_(workers),
        agent_(agent),
        request_(std::move(request)),
        writer_(std::move(writer)) {}

  void Start();

 private:
  struct Source {
    v1::LogsResponse::Stream stream;
    LogReader reader;
  };
  struct Round {
    absl::Status status;
    bool sent_any = false;
    bool writer_is_full = false;
  };

  void Continue();
  Round ReadSome();
  void OnRead(const Round& round, bool had_ended);

  EventLoop& loop_;
  WorkerPool& workers_;
  const Agent& agent_;
  const v1::LogsRequest request_;
  const std::shared_ptr<Writer> writer_;
  std::vector<Source> sources_;  // a worker's while it reads
};

}  // namespace holdfast
