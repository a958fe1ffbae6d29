#include "shim/shim_process.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "base/errors.h"
#include "base/failpoint.h"
#include "base/files.h"
#include "base/log.h"
#include "base/unix_socket.h"
#include "shim/bundle/executor_journal.h"

namespace holdfast::shim {
namespace {

// An agent that takes nothing any more, or a client that never ends its call,
// does not keep the shim: what was missed is in the journal, which the plugin
// waits for meanwhile.
constexpr absl::Duration kDrainTimeout = absl::Milliseconds(500);

}  // namespace

absl::StatusOr<std::unique_ptr<ShimProcess>> ShimProcess::Start(
    EventLoop& loop, Inheritance inheritance) {
  HOLDFAST_ASSIGN_OR_RETURN(
      ExecutorJournal journal,
      ExecutorJournal::Inherit(
          SystemFiles(),
          FileFromFd(std::move(inheritance.journal), inheritance.journal_path),
          inheritance.journal_path));
  HOLDFAST_FAILPOINT(ShimInherited);
  std::unique_ptr<ShimProcess> shim(
      new ShimProcess(loop, std::move(journal), inheritance.runtime_directory));
  HOLDFAST_ASSIGN_OR_RETURN(shim->reaper_,
                            OrphanReaper::Create(loop, [raw = shim.get()] {
                              return raw->supervisor_.pid();
                            }));
  shim->Listen();
  HOLDFAST_RETURN_IF_ERROR(shim->ServeExecutor());
  HOLDFAST_RETURN_IF_ERROR(shim->supervisor_.Start(inheritance.obstacle));
  HOLDFAST_RETURN_IF_ERROR(shim->Serve(inheritance));
  HOLDFAST_FAILPOINT(ShimServing);
  return shim;
}

ShimProcess::ShimProcess(EventLoop& loop, ExecutorJournal journal,
                         std::string runtime_directory)
    : loop_(loop),
      runtime_directory_(runtime_directory),
      supervisor_(loop, std::move(journal), std::move(runtime_directory)),
      server_(loop),
      attach_(server_, supervisor_),
      executor_server_(loop),
      executor_link_(executor_server_, supervisor_) {}

void ShimProcess::Listen() {
  supervisor_.Listen({
      .on_record = [this](const auto& record) { attach_.OnRecord(record); },
      .on_over = [this] { OnOver(); },
      .on_task = [this] { executor_link_.DeliverTasks(); },
      .on_kill = [this](const auto& kill) { executor_link_.DeliverKill(kill); },
  });
  server_.OnConnectionClosed([this](uint64_t connection) {
    if (connection == starter_) attach_.OnStarterGone();
  });
}

absl::Status ShimProcess::Serve(Inheritance& inheritance) {
  HOLDFAST_RETURN_IF_ERROR(server_.Listen(std::move(inheritance.listening)));
  if (!inheritance.connection) return absl::OkStatus();
  HOLDFAST_ASSIGN_OR_RETURN(starter_,
                            server_.Serve(std::move(inheritance.connection)));
  return absl::OkStatus();
}

absl::Status ShimProcess::ServeExecutor() {
  const v1::LaunchSpec& spec = supervisor_.facts().intent.launch();
  if (!spec.custom()) return absl::OkStatus();
  const std::string path = absl::StrCat(runtime_directory_, "/exec.sock");
  SocketOwner owner;
  if (spec.change_user()) {
    owner.uid = spec.uid();
    owner.gid = spec.gid();
  }
  HOLDFAST_ASSIGN_OR_RETURN(UniqueFd listening, ListenUnix(path, owner));
  return executor_server_.Listen(std::move(listening));
}

void ShimProcess::OnOver() {
  attach_.OnOver();
  loop_.After(kDrainTimeout, [this] { loop_.Stop(); });
  server_.Drain([this] { loop_.Stop(); });
}

}  // namespace holdfast::shim
