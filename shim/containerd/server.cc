#include "shim/containerd/server.h"

#include <malloc.h>
#include <signal.h>
#include <stdlib.h>
#include <sysexits.h>
#include <unistd.h>

#include <memory>
#include <utility>

#include "base/errors.h"
#include "base/event_loop.h"
#include "shim/containerd/children.h"
#include "shim/containerd/event_queue.h"
#include "shim/containerd/group.h"
#include "shim/containerd/places.h"
#include "shim/containerd/shim_cgroup.h"
#include "shim/containerd/task_service.h"
#include "shim/rpc/ttrpc_server.h"

namespace holdfast::containerd {
namespace {

// A daemon that does not take the last events, or the last answer, does not
// keep the shim.
constexpr absl::Duration kEventsTimeout = absl::Seconds(5);
constexpr absl::Duration kLeaveTimeout = absl::Seconds(10);
// By then whoever waits for the first task has been answered.
constexpr absl::Duration kSettled = absl::Seconds(1);

// What ends others must not end what records their end.
void IgnoreSignals() {
  for (const int signal : {SIGHUP, SIGINT, SIGTERM, SIGPIPE, SIGXFSZ}) {
    struct sigaction action = {};
    action.sa_handler = SIG_IGN;
    sigaction(signal, &action, nullptr);
  }
}

std::string EventsAddress() {
  const char* address = getenv("TTRPC_ADDRESS");
  return address != nullptr ? address : "";
}

}  // namespace

absl::Status Serve(const Invocation& invocation, UniqueFd listening) {
  IgnoreSignals();
  HOLDFAST_ASSIGN_OR_RETURN(const std::unique_ptr<EventLoop> loop,
                            EventLoop::Create());
  HOLDFAST_ASSIGN_OR_RETURN(const std::unique_ptr<Children> children,
                            Children::Create(*loop));
  EventQueue events(*loop, EventsAddress(), invocation.name_space);
  const Surroundings surroundings = {
      *loop,
      *children,
      events,
      PlacesOf(invocation.address, invocation.name_space),
      invocation.name_space,
      invocation.address,
      invocation.group};
  const std::string& name =
      invocation.group.empty() ? invocation.id : invocation.group;
  rpc::TtrpcServer server(*loop);
  TaskService service(surroundings, server, [&] {
    LeaveGroup(surroundings.places, name, invocation.socket);
    loop->After(kLeaveTimeout, [&] { loop->Stop(); });
    server.Drain([&] { events.Flush(kEventsTimeout, [&] { loop->Stop(); }); });
  });
  HOLDFAST_RETURN_IF_ERROR(server.Listen(std::move(listening)));
  loop->After(kSettled, [] { malloc_trim(0); });
  loop->Run();
  RemoveShimCgroupAtExit(
      invocation.socket.substr(invocation.socket.rfind('/') + 1));
  // The kernel closes the connections, at once with all else: a daemon that
  // sees them closed finds nothing left of us.
  _exit(EX_OK);
}

}  // namespace holdfast::containerd
