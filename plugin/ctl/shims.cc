#include "plugin/ctl/shims.h"

#include <algorithm>
#include <latch>
#include <tuple>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/errors.h"
#include "base/files.h"
#include "base/unix_socket.h"
#include "grpcpp/client_context.h"
#include "grpcpp/create_channel_posix.h"
#include "plugin/checkpoint/layout.h"
#include "plugin/ctl/failure.h"
#include "shim/bundle/executor_facts.h"

namespace holdfast::ctl {
namespace {

// One call to each of `shims` at once; `start(shim, call, done)` starts it.
template <typename Response, typename ShimPointer, typename Start,
          typename Take>
void CallEach(const std::vector<ShimPointer>& shims, absl::Duration timeout,
              Start start, Take take) {
  struct Call {
    grpc::ClientContext context;
    Response response;
    grpc::Status status;
  };
  std::vector<Call> calls(shims.size());
  std::latch done(static_cast<ptrdiff_t>(shims.size()));
  const auto deadline = absl::ToChronoTime(absl::Now() + timeout);
  for (size_t i = 0; i < shims.size(); ++i) {
    calls[i].context.set_deadline(deadline);
    start(*shims[i]->stub, &calls[i].context, &calls[i].response,
          [&call = calls[i], &done](grpc::Status status) {
            call.status = std::move(status);
            done.count_down();
          });
  }
  done.wait();
  for (size_t i = 0; i < shims.size(); ++i) {
    shims[i]->status = FromGrpc(calls[i].status);
    if (shims[i]->status.ok()) take(calls[i].response, *shims[i]);
  }
}

absl::StatusOr<v1::ShimConfigureRequest> ConfigureOf(
    const v1::ChangeLeasesRequest& request) {
  v1::ShimConfigureRequest configure;
  switch (request.change_case()) {
    case v1::ChangeLeasesRequest::kExtend:
      *configure.mutable_extend_fence() = request.extend();
      return configure;
    case v1::ChangeLeasesRequest::kPause:
      configure.set_fence_paused(request.pause());
      return configure;
    case v1::ChangeLeasesRequest::kRecoveryTimeout:
      *configure.mutable_recovery_timeout() = request.recovery_timeout();
      return configure;
    case v1::ChangeLeasesRequest::CHANGE_NOT_SET:
      break;
  }
  return absl::InvalidArgumentError("change leases: no change is set");
}

}  // namespace

absl::StatusOr<Shims> Shims::Find(const std::string& runtime_dir,
                                  absl::Duration timeout) {
  const Layout layout{.work_dir = "", .runtime_dir = runtime_dir};
  HOLDFAST_ASSIGN_OR_RETURN(const std::vector<std::string> ids,
                            SystemFiles().List(layout.Shims()));
  Shims shims(timeout);
  for (const std::string& id : ids) {
    absl::StatusOr<UniqueFd> connection = ConnectUnix(layout.ShimSocket(id));
    if (!connection.ok()) continue;
    Shim& shim = shims.shims_.emplace_back();
    shim.stub = v1::Shim::NewStub(
        grpc::CreateInsecureChannelFromFd("localhost", connection->Release()));
    shim.lease.set_container_id(id);
  }
  shims.AskForStatus();
  return shims;
}

void Shims::AskForStatus() {
  std::vector<Shim*> all;
  for (Shim& shim : shims_) all.push_back(&shim);
  const v1::ShimStatusRequest request;
  CallEach<v1::ShimStatusResponse>(
      all, timeout_,
      [&](v1::Shim::Stub& stub, grpc::ClientContext* context,
          v1::ShimStatusResponse* response, auto done) {
        stub.async()->Status(context, &request, response, std::move(done));
      },
      Fill);
  std::erase_if(shims_, [](const Shim& shim) {
    return IsDisconnected(shim.status);  // it has just ended
  });
  for (Shim& shim : shims_) {
    if (shim.status.ok()) continue;
    shim.lease.set_condition(absl::IsDeadlineExceeded(shim.status)
                                 ? "its shim does not answer"
                                 : std::string(shim.status.message()));
  }
  std::sort(shims_.begin(), shims_.end(), [](const Shim& a, const Shim& b) {
    const auto key = [](const v1::Lease& lease) {
      return std::tie(lease.framework_id(), lease.executor_id(),
                      lease.container_id());
    };
    return key(a.lease) < key(b.lease);
  });
}

void Shims::Fill(const v1::ShimStatusResponse& response, Shim& shim) {
  ExecutorFacts facts;
  for (const v1::JournalRecord& record : response.snapshot().records()) {
    (void)facts.Apply(record);  // a newer shim's: what is understood counts
  }
  shim.checkpoint = facts.intent.checkpoint();
  shim.lease.set_framework_id(facts.intent.framework_id());
  shim.lease.set_executor_id(facts.intent.executor_id());
  for (const TaskFacts& task : facts.tasks) {
    if (!task.IsTerminal()) shim.lease.add_task_ids(task.info.task_id());
  }
  *shim.lease.mutable_fence() = response.fence();
}

v1::ListLeasesResponse Shims::ListLeases(
    const v1::ListLeasesRequest& request) const {
  v1::ListLeasesResponse response;
  for (const Shim& shim : shims_) {
    if (request.framework_id().empty() || !shim.status.ok() ||
        request.framework_id() == shim.lease.framework_id()) {
      *response.add_leases() = shim.lease;
    }
  }
  return response;
}

absl::StatusOr<Shims::Shim*> Shims::FindTask(const std::string& framework_id,
                                             const std::string& task_id) {
  Shim* found = nullptr;
  for (Shim& shim : shims_) {
    const auto& ids = shim.lease.task_ids();
    if (std::find(ids.begin(), ids.end(), task_id) == ids.end()) continue;
    if (!framework_id.empty() && framework_id != shim.lease.framework_id()) {
      continue;
    }
    if (found != nullptr) {
      return absl::InvalidArgumentError(
          absl::StrCat("task ", task_id,
                       ": several frameworks have one; name the framework"));
    }
    found = &shim;
  }
  if (found != nullptr) return found;
  HOLDFAST_RETURN_IF_ERROR(Silent());  // one of those may have it
  return absl::NotFoundError(
      absl::StrCat("task ", task_id, ": no living shim has it"));
}

absl::Status Shims::Silent() const {
  const auto silent = std::count_if(
      shims_.begin(), shims_.end(),
      [](const Shim& shim) { return shim.lease.executor_id().empty(); });
  if (silent == 0) return absl::OkStatus();
  return absl::UnavailableError(
      absl::StrCat(silent, " shims do not answer; the others were asked"));
}

absl::StatusOr<std::vector<Shims::Shim*>> Shims::Select(
    const v1::ChangeLeasesRequest& request) {
  std::vector<Shim*> selected;
  for (const std::string& task_id : request.task_ids()) {
    HOLDFAST_ASSIGN_OR_RETURN(Shim* const shim,
                              FindTask(request.framework_id(), task_id));
    selected.push_back(shim);
  }
  for (Shim& shim : shims_) {
    const bool of_it = request.framework_id().empty() ||
                       request.framework_id() == shim.lease.framework_id();
    if (request.all() && shim.checkpoint && of_it) selected.push_back(&shim);
  }
  std::sort(selected.begin(), selected.end());
  selected.erase(std::unique(selected.begin(), selected.end()), selected.end());
  return selected;
}

absl::StatusOr<v1::ChangeLeasesResponse> Shims::ChangeLeases(
    const v1::ChangeLeasesRequest& request) {
  HOLDFAST_ASSIGN_OR_RETURN(const v1::ShimConfigureRequest configure,
                            ConfigureOf(request));
  HOLDFAST_ASSIGN_OR_RETURN(const std::vector<Shim*> selected, Select(request));
  CallEach<v1::ShimConfigureResponse>(
      selected, timeout_,
      [&](v1::Shim::Stub& stub, grpc::ClientContext* context,
          v1::ShimConfigureResponse* response, auto done) {
        stub.async()->Configure(context, &configure, response, std::move(done));
      },
      [](const v1::ShimConfigureResponse& response, Shim& shim) {
        *shim.lease.mutable_fence() = response.fence();
      });
  v1::ChangeLeasesResponse response;
  absl::Status first_error;
  for (const Shim* shim : selected) {
    // One of all may end meanwhile.
    if (request.all() && IsDisconnected(shim->status)) continue;
    first_error.Update(Annotate(
        shim->status, absl::StrCat("container ", shim->lease.container_id())));
    if (shim->status.ok()) *response.add_leases() = shim->lease;
  }
  if (request.all()) first_error.Update(Silent());
  if (first_error.ok()) return response;
  return Annotate(first_error,
                  absl::StrCat(response.leases_size(), " are changed, but"));
}

}  // namespace holdfast::ctl
