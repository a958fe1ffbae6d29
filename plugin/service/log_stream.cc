#include "plugin/service/log_stream.h"

#include <utility>

#include "plugin/service/grpc_status.h"

namespace holdfast {
namespace {

constexpr size_t kChunkBytes = 64 * 1024;
constexpr int kChunksARound = 16;
// Of kChunkBytes each: what may wait for a slow client.
constexpr size_t kMostQueued = 64;
constexpr absl::Duration kWriterPause = absl::Milliseconds(5);
// A person who follows a log does not see the difference, and the machine
// does not feel it.
constexpr absl::Duration kFollowPause = absl::Milliseconds(50);

}  // namespace

void LogStream::Start() {
  const absl::StatusOr<Agent::LogSource> source =
      agent_.FindLogs(request_.framework_id(), request_.task_id());
  if (!source.ok()) return writer_->Finish(ToGrpc(source.status()));
  if (!request_.stderr_only()) {
    sources_.push_back(
        {v1::LogsResponse::STDOUT,
         LogReader(source->directory, "stdout", request_.stdout_offset())});
  }
  if (!request_.stdout_only()) {
    sources_.push_back(
        {v1::LogsResponse::STDERR,
         LogReader(source->directory, "stderr", request_.stderr_offset())});
  }
  Continue();
}

void LogStream::Continue() {
  if (writer_->over()) return;
  // Asked before reading: what had ended by then was complete by then.
  const absl::StatusOr<Agent::LogSource> source =
      agent_.FindLogs(request_.framework_id(), request_.task_id());
  const bool ended = !source.ok() || source->ended;
  workers_.Run([self = shared_from_this(), ended] {
    const Round round = self->ReadSome();
    self->loop_.Post([self, round, ended] { self->OnRead(round, ended); });
  });
}

LogStream::Round LogStream::ReadSome() {
  Round round;
  for (int i = 0; i < kChunksARound; ++i) {
    bool found_any = false;
    for (Source& source : sources_) {
      if (writer_->queued() >= kMostQueued) {
        round.writer_is_full = true;
        return round;
      }
      absl::StatusOr<LogReader::Chunk> chunk = source.reader.Read(kChunkBytes);
      if (!chunk.ok()) {
        round.status = chunk.status();
        return round;
      }
      if (chunk->data.empty() && chunk->skipped_bytes == 0) continue;
      found_any = true;
      v1::LogsResponse response;
      response.set_stream(source.stream);
      response.set_data(std::move(chunk->data));
      response.set_offset(chunk->offset);
      response.set_skipped_bytes(chunk->skipped_bytes);
      writer_->Send(std::move(response));
    }
    if (!found_any) return round;
    round.sent_any = true;
  }
  return round;
}

void LogStream::OnRead(const Round& round, bool had_ended) {
  if (!round.status.ok()) return writer_->Finish(ToGrpc(round.status));
  if (round.writer_is_full) {
    loop_.After(kWriterPause,
                [self = shared_from_this()] { self->Continue(); });
    return;
  }
  if (round.sent_any) return Continue();
  if (!request_.follow() || had_ended) return writer_->Finish(grpc::Status::OK);
  loop_.After(kFollowPause, [self = shared_from_this()] { self->Continue(); });
}

}  // namespace holdfast
