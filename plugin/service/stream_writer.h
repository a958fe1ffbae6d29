#pragma once

#include <grpcpp/grpcpp.h>

#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <utility>

#include "base/mutex.h"

namespace holdfast {

// The sending end of one server stream, shared between gRPC's threads and the
// loop's: messages queue up here, in order, and are written one after the
// other. It outlives the stream; what is sent then goes nowhere.
template <typename Message>
class StreamWriter
    : public std::enable_shared_from_this<StreamWriter<Message>> {
 public:
  // Called on one of gRPC's threads when the stream is over, whoever ended it.
  using OnOver = std::function<void()>;

  // The reactor to return to gRPC; it deletes itself.
  grpc::ServerWriteReactor<Message>* Start(OnOver on_over) {
    MutexLock lock(mutex_);
    reactor_ = new Reactor(this->shared_from_this(), std::move(on_over));
    return reactor_;
  }

  void Send(Message message) ABSL_LOCKS_EXCLUDED(mutex_) {
    MutexLock lock(mutex_);
    if (reactor_ == nullptr || end_) return;
    queue_.push_back(std::move(message));
    if (queue_.size() == 1) reactor_->StartWrite(&queue_.front());
  }

  // After everything that was sent.
  void Finish(const grpc::Status& status) ABSL_LOCKS_EXCLUDED(mutex_) {
    MutexLock lock(mutex_);
    if (reactor_ == nullptr || end_) return;
    end_ = status;
    if (queue_.empty()) FinishNow();
  }

  // Messages that were sent and not yet written.
  size_t queued() const ABSL_LOCKS_EXCLUDED(mutex_) {
    MutexLock lock(mutex_);
    return queue_.size();
  }
  bool over() const ABSL_LOCKS_EXCLUDED(mutex_) {
    MutexLock lock(mutex_);
    return reactor_ == nullptr || cancelled_;
  }

 private:
  class Reactor : public grpc::ServerWriteReactor<Message> {
   public:
    Reactor(std::shared_ptr<StreamWriter> writer, OnOver on_over)
        : writer_(std::move(writer)), on_over_(std::move(on_over)) {}
    void OnWriteDone(bool ok) override { writer_->OnWriteDone(ok); }
    void OnCancel() override { writer_->OnCancel(); }
    void OnDone() override {
      writer_->OnDone();
      const OnOver on_over = std::move(on_over_);
      delete this;
      on_over();  // by now nothing of the stream holds the writer
    }

   private:
    std::shared_ptr<StreamWriter> writer_;
    OnOver on_over_;
  };

  void OnWriteDone(bool ok) ABSL_LOCKS_EXCLUDED(mutex_) {
    MutexLock lock(mutex_);
    queue_.pop_front();
    if (!ok || cancelled_) {
      queue_.clear();
      end_ = grpc::Status(grpc::StatusCode::CANCELLED, "the client has gone");
    }
    if (!queue_.empty()) return reactor_->StartWrite(&queue_.front());
    if (end_) FinishNow();
  }

  void OnCancel() ABSL_LOCKS_EXCLUDED(mutex_) {
    MutexLock lock(mutex_);
    cancelled_ = true;
    if (finished_ || !queue_.empty()) return;  // OnWriteDone comes
    end_ = grpc::Status(grpc::StatusCode::CANCELLED, "the client has gone");
    FinishNow();
  }

  void FinishNow() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    if (std::exchange(finished_, true)) return;
    reactor_->Finish(*end_);
  }

  void OnDone() ABSL_LOCKS_EXCLUDED(mutex_) {
    MutexLock lock(mutex_);
    reactor_ = nullptr;
  }

  mutable Mutex mutex_;
  Reactor* reactor_ ABSL_GUARDED_BY(mutex_) = nullptr;
  std::deque<Message> queue_ ABSL_GUARDED_BY(mutex_);
  std::optional<grpc::Status> end_ ABSL_GUARDED_BY(mutex_);
  bool cancelled_ ABSL_GUARDED_BY(mutex_) = false;
  bool finished_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace holdfast
