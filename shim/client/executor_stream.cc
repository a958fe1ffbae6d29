#include "shim/client/executor_stream.h"

#include <utility>

namespace holdfast {

ExecutorStream::ExecutorStream(EventLoop& loop, UniqueFd connected)
    : loop_(loop), client_(loop, std::move(connected), /*on_lost=*/{}) {
  call_ = client_.Start(
      "/holdfast.v1.Executor/Connect", absl::InfiniteDuration(),
      {.on_message = [this](absl::string_view bytes) { OnMessage(bytes); },
       .on_done = [this](absl::Status status) { ended_ = std::move(status); }});
}

void ExecutorStream::Send(const v1::ExecutorCall& call) {
  if (ended_) return;
  loop_.RunNow([&] { call_->Send(call.SerializeAsString()); });
}

std::vector<v1::ExecutorEvent> ExecutorStream::TakeEvents() {
  return std::exchange(events_, {});
}

void ExecutorStream::OnMessage(absl::string_view bytes) {
  v1::ExecutorEvent event;
  if (event.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
    events_.push_back(std::move(event));
  } else {
    call_->Cancel();  // whatever said that, it is no shim
  }
}

}  // namespace holdfast
