// Containerizer: what is done to a running container, and what it uses.

#include <signal.h>

#include <utility>

#include "absl/strings/str_cat.h"
#include "api/reasons.h"
#include "api/time_convert.h"
#include "api/validate.h"
#include "base/errors.h"
#include "plugin/containerizer/container_words.h"
#include "plugin/containerizer/containerizer.h"
#include "plugin/rows/task_row.h"

namespace holdfast {

void Containerizer::Update(const v1::UpdateContainerRequest& request,
                           Reply<v1::UpdateContainerResponse> reply) {
  const absl::StatusOr<Name> name = NameOf(request);
  if (!name.ok()) return reply(name.status());
  const absl::Status valid = ValidateResources(request.resources());
  if (!valid.ok()) return reply(valid);
  const absl::StatusOr<std::shared_ptr<Executor>> found = Find(*name);
  if (!found.ok()) return reply(found.status());
  limits_.Change(*found, request.resources(),
                 [id = name->container_id,
                  reply = std::move(reply)](const absl::Status& changed) {
                   if (!changed.ok()) {
                     return reply(Annotate(
                         changed, absl::StrCat("update container ", id)));
                   }
                   reply(v1::UpdateContainerResponse());
                 });
}

void Containerizer::Usage(const v1::ContainerUsageRequest& request,
                          Reply<v1::ContainerUsageResponse> reply) {
  const absl::StatusOr<Name> name = NameOf(request);
  if (!name.ok()) return reply(name.status());
  const absl::StatusOr<std::shared_ptr<Executor>> found = Find(*name);
  if (!found.ok()) return reply(found.status());
  workers_.Run([this, executor = *found, id = (*found)->container_id(),
                reply = std::move(reply)]() mutable {
    // Whatever cannot be read is unset: its group goes when it ends.
    const absl::StatusOr<CgroupUsage> usage = cgroups_.Usage(id);
    loop_.Post([this, executor = std::move(executor), usage,
                reply = std::move(reply)] {
      v1::ContainerUsageResponse response;
      if (usage.ok()) FillUsage(*usage, response);
      *response.mutable_time() = ToProto(loop_.clock().Now());
      *response.mutable_limits() = LimitsInForce(executor->facts());
      reply(std::move(response));
    });
  });
}

void Containerizer::Kill(const v1::KillContainerRequest& request,
                         Reply<v1::KillContainerResponse> reply) {
  const absl::StatusOr<Name> name = NameOf(request);
  if (!name.ok()) return reply(name.status());
  if (request.signal() < 1 || request.signal() > SIGRTMAX) {
    return reply(absl::InvalidArgumentError(absl::StrCat(
        "signal ", request.signal(), " must be between 1 and ", SIGRTMAX)));
  }
  const absl::StatusOr<std::shared_ptr<Executor>> found = Find(*name);
  if (!found.ok()) return reply(found.status());
  const auto answer = [id = name->container_id,
                       reply = std::move(reply)](const absl::Status& sent) {
    if (absl::IsFailedPrecondition(sent)) {
      return reply(WithReason(absl::FailedPreconditionError(absl::StrCat(
                                  "kill container ", id, ": it has ended")),
                              "CONTAINER_ENDED"));
    }
    if (!sent.ok()) return reply(sent);
    reply(v1::KillContainerResponse());
  };
  if (FindEnd((*found)->facts()) != nullptr) {
    return answer(absl::FailedPreconditionError(""));
  }
  (*found)->Signal(request.signal(), answer);
}

}  // namespace holdfast
