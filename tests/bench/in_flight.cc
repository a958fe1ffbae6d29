#include "tests/bench/in_flight.h"

#include <memory>

#include "absl/time/clock.h"
#include "hack/local_agent/interrupt.h"

namespace holdfast::bench {

struct InFlightLauncher::Call {
  grpc::ClientContext context;
  v1::LaunchTaskRequest request;
  v1::LaunchTaskResponse response;
  absl::Time start;
};

InFlightLauncher::InFlightLauncher(hack::Client& client,
                                   std::string framework_id,
                                   std::vector<v1::TaskInfo> tasks)
    : client_(client),
      framework_id_(std::move(framework_id)),
      tasks_(std::move(tasks)) {}

absl::Status InFlightLauncher::Run(int width) {
  const absl::Time start = absl::Now();
  const MutexLock lock(mutex_);
  for (int i = 0; i < width; ++i) StartNext();
  while (running_ > 0) ended_.wait(mutex_);
  took_ = absl::Now() - start;
  return status_;
}

void InFlightLauncher::StartNext() {
  if (hack::Interrupted()) status_.Update(absl::CancelledError("interrupted"));
  if (next_ == tasks_.size() || !status_.ok()) return;
  Call* call = new Call;  // deleted by OnDone
  call->request.set_framework_id(framework_id_);
  *call->request.mutable_task() = tasks_[next_++];
  call->start = absl::Now();
  ++running_;
  client_.stub().async()->LaunchTask(
      &call->context, &call->request, &call->response,
      [this, call](const grpc::Status& status) { OnDone(call, status); });
}

void InFlightLauncher::OnDone(Call* call, const grpc::Status& status) {
  const std::unique_ptr<Call> owned(call);
  const double took = absl::ToDoubleMilliseconds(absl::Now() - call->start);
  const MutexLock lock(mutex_);
  status_.Update(hack::Client::ToAbsl(status));
  milliseconds_.Add(took);
  --running_;
  StartNext();
  if (running_ == 0) ended_.notify_all();
}

}  // namespace holdfast::bench
