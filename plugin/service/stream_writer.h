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
  // What may wait before HasRoom() says no.
  static constexpr size_t kRoomBytes = 256 * 1024;

  // Called on one of gRPC's threads when the stream is over, whoever ended it.
  using OnOver = std::function<void()>;
  // Likewise, once for each time that HasRoom() said no, when there is again.
  using OnRoom = std::function<void()>;

  // The reactor to return to gRPC; it deletes itself.
  grpc::ServerWriteReactor<Message>* Start(OnOver on_over,
                                           OnRoom on_room = nullptr) {
    MutexLock lock(mutex_);
    reactor_ = new Reactor(this->shared_from_this(), std::move(on_over),
                           std::move(on_room));
    return reactor_;
  }

  // Whether fewer bytes wait than kRoomBytes. Send() takes a message all the
  // same: this is for whoever can keep it elsewhere.
  bool HasRoom() ABSL_LOCKS_EXCLUDED(mutex_) {
    MutexLock lock(mutex_);
    if (queued_bytes_ < kRoomBytes) return true;
    room_is_wanted_ = true;
    return false;
  }

  void Send(Message message) ABSL_LOCKS_EXCLUDED(mutex_) {
    MutexLock lock(mutex_);
    if (reactor_ == nullptr || end_) return;
    queued_bytes_ += message.ByteSizeLong();
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
    Reactor(std::shared_ptr<StreamWriter> writer, OnOver on_over,
            OnRoom on_room)
        : writer_(std::move(writer)),
          on_over_(std::move(on_over)),
          on_room_(std::move(on_room)) {}
    void OnWriteDone(bool ok) override {
      if (writer_->OnWriteDone(ok) && on_room_) on_room_();
    }
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
    const OnRoom on_room_;
  };

  // Whether someone waits for the room that there is now. Half of it is free
  // by then, so that it is not told for each message.
  bool OnWriteDone(bool ok) ABSL_LOCKS_EXCLUDED(mutex_) {
    MutexLock lock(mutex_);
    queued_bytes_ -= queue_.front().ByteSizeLong();
    queue_.pop_front();
    if (!ok || cancelled_) {
      queue_.clear();
      queued_bytes_ = 0;
      end_ = grpc::Status(grpc::StatusCode::CANCELLED, "the client has gone");
    }
    if (!queue_.empty()) {
      reactor_->StartWrite(&queue_.front());
    } else if (end_) {
      FinishNow();
    }
    return queued_bytes_ <= kRoomBytes / 2 &&
           std::exchange(room_is_wanted_, false);
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
  size_t queued_bytes_ ABSL_GUARDED_BY(mutex_) = 0;
  bool room_is_wanted_ ABSL_GUARDED_BY(mutex_) = false;
  std::optional<grpc::Status> end_ ABSL_GUARDED_BY(mutex_);
  bool cancelled_ ABSL_GUARDED_BY(mutex_) = false;
  bool finished_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace holdfast
