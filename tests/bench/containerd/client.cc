#include "tests/bench/containerd/client.h"

#include <signal.h>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "base/errors.h"
#include "hack/local_agent/client.h"
#include "tests/fakes/oci_bundle.h"

namespace holdfast::bench {
namespace {

namespace containers = ::containerd::services::containers::v1;
namespace tasks = ::containerd::services::tasks::v1;
using Tasks = tasks::Tasks::Stub;
using Containers = containers::Containers::Stub;

constexpr absl::Duration kTimeout = absl::Minutes(1);

// containerd takes the JSON of the OCI types under these names.
constexpr char kSpecType[] =
    "types.containerd.io/opencontainers/runtime-spec/1/Spec";
constexpr char kProcessType[] =
    "types.containerd.io/opencontainers/runtime-spec/1/Process";

// A channel of its own, not one shared by name: the server of before may have
// been killed, and is not waited for as one that failed.
std::shared_ptr<grpc::Channel> NewChannel(const std::string& socket) {
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  return grpc::CreateCustomChannel(
      "unix://" + socket, grpc::InsecureChannelCredentials(), arguments);
}

tasks::ProcessRequest ProcessOf(const std::string& id,
                                const std::string& exec_id = "") {
  tasks::ProcessRequest request;
  request.set_container_id(id);
  request.set_exec_id(exec_id);
  return request;
}

}  // namespace

ContainerdClient::ContainerdClient(const std::string& socket,
                                   std::string name_space, std::string rootfs)
    : name_space_(std::move(name_space)),
      rootfs_(std::move(rootfs)),
      channel_(NewChannel(socket)),
      containers_(channel_),
      tasks_(channel_) {}

template <typename Stub, typename Request, typename Response>
absl::Status ContainerdClient::Call(
    const char* name, Stub& stub,
    grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&,
                                 Response*),
    const Request& request, Response* response) {
  grpc::ClientContext context;
  context.AddMetadata("containerd-namespace", name_space_);
  context.set_deadline(absl::ToChronoTime(absl::Now() + kTimeout));
  const absl::Status status =
      hack::Client::ToAbsl((stub.*method)(&context, request, response));
  if (status.ok()) return status;
  return absl::Status(
      status.code(), absl::StrCat("containerd ", name, ": ", status.message()));
}

absl::Status ContainerdClient::Register(const Sleeper& sleeper) {
  containers::CreateContainerRequest request;
  containers::Container& container = *request.mutable_container();
  container.set_id(sleeper.id);
  container.mutable_runtime()->set_name(sleeper.runtime);
  google::protobuf::Any& options =
      *container.mutable_runtime()->mutable_options();
  options.set_type_url(sleeper.options.GetTypeName());
  options.set_value(sleeper.options.SerializeAsString());
  container.mutable_spec()->set_type_url(kSpecType);
  container.mutable_spec()->set_value(
      OciConfig({.args = {"/bin/sleep", "100000"},
                 .cgroups_path = sleeper.cgroup,
                 .own_network = false}));
  containers::CreateContainerResponse response;
  return Call("Containers.Create", containers_, &Containers::Create, request,
              &response);
}

absl::Status ContainerdClient::Unregister(const std::string& id) {
  containers::DeleteContainerRequest request;
  request.set_id(id);
  containers::DeleteContainerResponse response;
  return Call("Containers.Delete", containers_, &Containers::Delete, request,
              &response);
}

absl::Status ContainerdClient::Launch(const std::string& id) {
  tasks::CreateTaskRequest request;
  request.set_container_id(id);
  ::containerd::task::v2::Mount& mount = *request.add_rootfs();
  mount.set_type("bind");
  mount.set_source(rootfs_);
  mount.add_options("rbind");
  mount.add_options("ro");
  tasks::Nothing response;
  HOLDFAST_RETURN_IF_ERROR(
      Call("Tasks.Create", tasks_, &Tasks::Create, request, &response));
  return Call("Tasks.Start", tasks_, &Tasks::Start, ProcessOf(id), &response);
}

absl::Status ContainerdClient::End(const std::string& id) {
  tasks::KillRequest kill;
  kill.set_container_id(id);
  kill.set_signal(SIGKILL);
  tasks::Nothing response;
  HOLDFAST_RETURN_IF_ERROR(
      Call("Tasks.Kill", tasks_, &Tasks::Kill, kill, &response));
  tasks::WaitResponse ended;
  HOLDFAST_RETURN_IF_ERROR(
      Call("Tasks.Wait", tasks_, &Tasks::Wait, ProcessOf(id), &ended));
  tasks::DeleteTaskRequest request;
  request.set_container_id(id);
  return Call("Tasks.Delete", tasks_, &Tasks::Delete, request, &response);
}

absl::Status ContainerdClient::ExecTrue(const std::string& id,
                                        const std::string& exec_id) {
  tasks::ExecProcessRequest request;
  request.set_container_id(id);
  request.set_exec_id(exec_id);
  request.mutable_spec()->set_type_url(kProcessType);
  request.mutable_spec()->set_value(OciProcess({"/bin/true"}));
  tasks::Nothing response;
  HOLDFAST_RETURN_IF_ERROR(
      Call("Tasks.Exec", tasks_, &Tasks::Exec, request, &response));
  HOLDFAST_RETURN_IF_ERROR(Call("Tasks.Start", tasks_, &Tasks::Start,
                                ProcessOf(id, exec_id), &response));
  tasks::WaitResponse ended;
  HOLDFAST_RETURN_IF_ERROR(
      Call("Tasks.Wait", tasks_, &Tasks::Wait, ProcessOf(id, exec_id), &ended));
  if (ended.exit_status() == 0) return absl::OkStatus();
  return absl::InternalError(
      absl::StrCat("an exec of true ended with ", ended.exit_status()));
}

absl::Status ContainerdClient::DeleteExec(const std::string& id,
                                          const std::string& exec_id) {
  tasks::Nothing response;
  return Call("Tasks.DeleteProcess", tasks_, &Tasks::DeleteProcess,
              ProcessOf(id, exec_id), &response);
}

absl::StatusOr<int> ContainerdClient::CountRunning() {
  tasks::ListTasksResponse response;
  HOLDFAST_RETURN_IF_ERROR(Call("Tasks.List", tasks_, &Tasks::List,
                                tasks::ListTasksRequest(), &response));
  int running = 0;
  for (const auto& task : response.tasks())
    if (task.status() == ::containerd::task::v2::RUNNING) ++running;
  return running;
}

}  // namespace holdfast::bench
