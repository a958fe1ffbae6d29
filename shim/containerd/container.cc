#include "shim/containerd/container.h"

#include <errno.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "api/containerd/runc_options.pb.h"
#include "base/errors.h"
#include "base/files.h"
#include "base/log.h"
#include "shim/containerd/io/spool.h"
#include "shim/containerd/mounts.h"
#include "shim/containerd/runtime_binary.h"

namespace holdfast::containerd {
namespace {

constexpr absl::Duration kUnmakeTimeout = absl::Seconds(5);

// As sd_booted(3) has it.
bool SystemdRuns() { return access("/run/systemd/system", F_OK) == 0; }

// containerd 1.6 keeps the option of that name from any runtime but runc's; a
// path in systemd's form means it, where there is a systemd. Elsewhere that is
// a path like any other, as it is to the stock shim.
OciRuntime::Options RuntimeOptions(const TaskOptions& options, const Spec& spec,
                                   const Surroundings& surroundings,
                                   const std::string& binary,
                                   const std::string& bundle) {
  OciRuntime::Options result;
  result.binary = binary;
  result.root = RuntimeRoot(options, surroundings.name_space);
  result.systemd_cgroup = options.systemd_cgroup ||
                          (SystemdRuns() && IsSystemdsPath(spec.cgroups_path));
  result.log_directory = bundle;
  return result;
}

v1::ContainerdTask ToRecord(const task::CreateTaskRequest& request,
                            const Surroundings& surroundings,
                            const OciRuntime::Options& runtime) {
  v1::ContainerdTask record;
  record.set_namespace_(surroundings.name_space);
  record.set_address(surroundings.address);
  record.set_bundle(request.bundle());
  record.set_group(surroundings.group);
  record.set_runtime(runtime.binary);
  record.set_runtime_root(runtime.root);
  record.set_systemd_cgroup(runtime.systemd_cgroup);
  record.set_terminal(request.terminal());
  record.set_stdin(request.stdin());
  record.set_stdout(request.stdout());
  record.set_stderr(request.stderr());
  return record;
}

Process::Names InitNames(const task::CreateTaskRequest& request) {
  Process::Names names;
  names.container_id = request.id();
  names.bundle = request.bundle();
  names.in = request.stdin();
  names.out = request.stdout();
  names.err = request.stderr();
  names.terminal = request.terminal();
  return names;
}

void DescribeExec(const std::string& exec_id, task::ProcessInfo& info) {
  ::containerd::runc::v1::ProcessDetails details;
  details.set_exec_id(exec_id);
  info.mutable_info()->set_type_url("containerd.runc.v1.ProcessDetails");
  info.mutable_info()->set_value(details.SerializeAsString());
}

// To clients what goes wrong in a Create is Unknown, whoever says it, as it is
// with the stock shims: NotFound would be read as about the container.
absl::Status AsOfTheRuntime(const absl::Status& status) {
  if (status.ok() || absl::IsResourceExhausted(status)) return status;
  return absl::UnknownError(status.message());
}

template <typename T>
absl::StatusOr<T> AsOfTheRuntime(absl::StatusOr<T> result) {
  if (result.ok()) return result;
  return AsOfTheRuntime(result.status());
}

}  // namespace

struct Container::Setup {
  task::CreateTaskRequest request;
  TaskOptions options;
  Spec spec;
  Annotations annotations;
  OciRuntime::Options runtime;
  std::unique_ptr<TaskJournal> journal;
  std::function<void()> on_end;
};

absl::StatusOr<Container::Setup> Container::Prepare(
    const Surroundings& surroundings, const task::CreateTaskRequest& request) {
  if (access(request.bundle().c_str(), F_OK) != 0) {
    return ErrnoStatus(errno, "open bundle", request.bundle());
  }
  Setup setup;
  setup.request = request;
  HOLDFAST_ASSIGN_OR_RETURN(
      setup.options, AsOfTheRuntime(ParseTaskOptions(request.options())));
  // From 1.6 on containerd itself heeds this option, for runc's shim alone.
  if (request.checkpoint().empty()) {
    setup.request.set_checkpoint(setup.options.criu_image_path);
  }
  HOLDFAST_ASSIGN_OR_RETURN(
      setup.spec, AsOfTheRuntime(ReadSpec(request.bundle() + "/config.json")));
  HOLDFAST_ASSIGN_OR_RETURN(setup.annotations,
                            ParseAnnotations(setup.spec.annotations));
  SpoolOptions& spool = setup.annotations.spool;
  spool.budget = std::make_shared<SpoolBudget>(spool.max_bytes);
  HOLDFAST_ASSIGN_OR_RETURN(const std::string binary,
                            AsOfTheRuntime(RuntimeBinary(setup.options)));
  setup.runtime = RuntimeOptions(setup.options, setup.spec, surroundings,
                                 binary, request.bundle());
  HOLDFAST_ASSIGN_OR_RETURN(
      TaskJournal journal,
      TaskJournal::Create(
          surroundings.places.TaskDirectory(request.id()), request.id(),
          ToRecord(request, surroundings, setup.runtime),
          setup.annotations.recovery_timeout, surroundings.loop.clock().Now()));
  setup.journal = std::make_unique<TaskJournal>(std::move(journal));
  return setup;
}

void Container::Create(const Surroundings& surroundings,
                       const task::CreateTaskRequest& request,
                       std::function<void()> on_end, Made made) {
  absl::StatusOr<Setup> setup = Prepare(surroundings, request);
  if (!setup.ok()) return made(setup.status());
  setup->on_end = std::move(on_end);
  std::shared_ptr<Container> container(
      new Container(surroundings, *std::move(setup)));
  Container* const raw = container.get();
  raw->Make([container = std::move(container),
             made = std::move(made)](const absl::Status& status) mutable {
    if (status.ok()) return made(std::move(container));
    Container* const failed = container.get();
    failed->Unmake([container = std::move(container), made = std::move(made),
                    status] { made(AsOfTheRuntime(status)); });
  });
}

Container::Container(const Surroundings& surroundings, Setup setup)
    : surroundings_(surroundings),
      options_(std::move(setup.options)),
      spec_(std::move(setup.spec)),
      annotations_(std::move(setup.annotations)),
      request_(std::move(setup.request)),
      on_end_(std::move(setup.on_end)),
      journal_(std::move(setup.journal)),
      runtime_(surroundings.loop, surroundings.children,
               std::move(setup.runtime)),
      work_(surroundings.loop),
      init_(InitNames(request_)) {}

Container::~Container() {
  surroundings_.loop.Cancel(end_timer_);
  surroundings_.loop.Cancel(others_timer_);
  surroundings_.loop.Cancel(kill_timer_);
  Forget(init_);
  ForgetExecs();
}

// The pid of one that has ended may be another child's by now.
void Container::Forget(const Process& process) {
  if (process.pid() == 0 || process.exit()) return;
  surroundings_.children.Forget(process.pid());
}

void Container::ForgetExecs() {
  for (const auto& [exec_id, process] : execs_) Forget(*process);
  execs_.clear();
  exec_work_.clear();
  starting_execs_.clear();
}

std::string Container::TaskDirectory() const {
  return surroundings_.places.TaskDirectory(id());
}

std::string Container::RootfsDirectory() const {
  return request_.bundle() + "/rootfs";
}

// CRIU's logs, where the client has no other place for them.
std::string Container::CriuWorkDirectory() const {
  return request_.bundle() + "/criu-work";
}

ProcessIoRequest Container::IoRequest(const Process& process) const {
  const Process::Names& names = process.names();
  ProcessIoRequest request;
  request.id = process.id();
  request.name_space = surroundings_.name_space;
  request.in = names.in;
  request.out = names.out;
  request.err = names.err;
  request.terminal = names.terminal;
  request.uid = options_.io_uid;
  request.gid = options_.io_gid;
  request.spool = annotations_.spool;
  request.spool.directory = TaskDirectory();
  // The init outlives its shim; an exec's output is for who asked for it.
  request.outlives_us = names.exec_id.empty();
  if (!names.exec_id.empty()) request.name = names.exec_id + "-";
  return request;
}

void Container::Make(std::function<void(absl::Status)> done) {
  if (absl::Status mounted = MountAll(request_.rootfs(), RootfsDirectory());
      !mounted.ok()) {
    return done(mounted);
  }
  if (absl::Status opened =
          init_.OpenIo(surroundings_.loop, IoRequest(init_), request_.bundle());
      !opened.ok()) {
    return done(opened);
  }
  if (!request_.checkpoint().empty()) {
    // The runtime restores it when it is started.
    PublishCreate();
    return done(absl::OkStatus());
  }
  runtime_.Run(RuntimeCreate(),
               [this, done = std::move(done)](absl::StatusOr<pid_t> pid) {
                 init_.io()->CloseProcessEnds();
                 absl::Status made = pid.status();
                 if (made.ok()) made = OnMade(*pid);
                 if (made.ok()) PublishCreate();
                 done(made);
               });
}

OciRuntime::Create Container::RuntimeCreate() const {
  OciRuntime::Create create;
  create.id = id();
  create.bundle = request_.bundle();
  create.stdio = {init_.io()->process_in(), init_.io()->process_out(),
                  init_.io()->process_err()};
  create.console_socket = init_.console_socket();
  create.no_pivot_root = options_.no_pivot_root;
  create.no_new_keyring = options_.no_new_keyring;
  return create;
}

// It is there, and waits to be started.
absl::Status Container::OnMade(pid_t pid) {
  init_.Made(pid);
  surroundings_.children.Await(
      pid, [this](const ChildExit& exit) { OnInitEnded(exit); });
  HOLDFAST_RETURN_IF_ERROR(
      journal_->Created(pid, surroundings_.loop.clock().Now()));
  absl::StatusOr<ContainerCgroups> groups = FindContainerCgroups(pid);
  if (!groups.ok()) {
    Log(Severity::kWarning, groups.status().ToString(), {{"id", id()}});
    return absl::OkStatus();
  }
  groups_ = *std::move(groups);
  auto oom_watch = OomWatch::Create(surroundings_.loop, *groups_,
                                    [this](uint64_t) { OnOutOfMemory(); });
  // A host that counts no memory has nothing to tell.
  if (oom_watch.ok()) oom_watch_ = *std::move(oom_watch);
  return absl::OkStatus();
}

// A Create that failed: nothing of it stays. What the runtime has under this
// id without having made it for us is another's.
void Container::Unmake(std::function<void()> done) {
  init_.CloseIo();
  auto remove = [this, done = std::move(done)] {
    if (absl::Status gone = UnmountAll(RootfsDirectory()); !gone.ok()) {
      Log(Severity::kError, gone.ToString(), {{"id", id()}});
    }
    RemoveTaskDirectory();
    done();
  };
  if (init_.pid() == 0) return remove();
  Forget(init_);  // its end is nobody's to hear
  (void)init_.Signal(SIGKILL);
  // A runtime that hangs ends with us.
  const auto last = std::make_shared<std::function<void()>>(std::move(remove));
  end_timer_ = surroundings_.loop.After(kUnmakeTimeout, [last] { (*last)(); });
  const std::weak_ptr<std::function<void()>> waiting = last;
  runtime_.Delete(id(), /*force=*/true,
                  [this, waiting](const absl::Status&) {  // whatever it says
                    const auto held = waiting.lock();
                    if (held == nullptr) return;
                    surroundings_.loop.Cancel(end_timer_);
                    (*held)();
                  });
}

void Container::RemoveTaskDirectory() {
  if (absl::Status gone = RemoveTree(TaskDirectory()); !gone.ok()) {
    Log(Severity::kError, gone.ToString(), {{"id", id()}});
  }
}

void Container::PublishCreate() {
  ::containerd::events::TaskCreate event;
  event.set_container_id(id());
  event.set_bundle(request_.bundle());
  *event.mutable_rootfs() = request_.rootfs();
  event.mutable_io()->set_stdin(request_.stdin());
  event.mutable_io()->set_stdout(request_.stdout());
  event.mutable_io()->set_stderr(request_.stderr());
  event.mutable_io()->set_terminal(request_.terminal());
  event.set_checkpoint(request_.checkpoint());
  event.set_pid(static_cast<uint32_t>(init_.pid()));
  Publish("/tasks/create", "TaskCreate", event.SerializeAsString());
}

void Container::Publish(absl::string_view topic, absl::string_view type,
                        std::string bytes, absl::string_view kept_for) {
  EventQueue::Event event;
  event.container_id = id();
  event.topic = std::string(topic);
  event.type = absl::StrCat("containerd.events.", type);
  event.bytes = std::move(bytes);
  event.at = surroundings_.loop.clock().Now();
  event.process_id = std::string(kept_for);
  event.kept = !kept_for.empty();
  surroundings_.events.Publish(std::move(event));
}

absl::StatusOr<Process*> Container::Find(const std::string& exec_id) {
  if (exec_id.empty()) return &init_;
  const auto found = execs_.find(exec_id);
  if (found != execs_.end()) return found->second.get();
  return absl::NotFoundError(
      absl::StrCat("process ", exec_id, " does not exist in ", id()));
}

absl::StatusOr<task::PidsResponse> Container::Pids() const {
  task::PidsResponse response;
  std::vector<pid_t> pids;
  if (groups_) pids = PidsOf(*groups_);
  // Also when it has ended, until it is deleted: a daemon that finds no pid
  // takes the task for one that leaked, and throws its exit status away.
  const bool listed =
      std::find(pids.begin(), pids.end(), init_.pid()) != pids.end();
  if (!listed && init_.pid() != 0) pids.push_back(init_.pid());
  for (const pid_t pid : pids) {
    task::ProcessInfo& info = *response.add_processes();
    info.set_pid(static_cast<uint32_t>(pid));
    for (const auto& [exec_id, process] : execs_) {
      if (process->pid() == pid) DescribeExec(exec_id, info);
    }
  }
  return response;
}

absl::StatusOr<task::StatsResponse> Container::Stats() const {
  task::StatsResponse response;
  if (!groups_) {
    return absl::NotFoundError(absl::StrCat("cgroup of ", id(), ": unknown"));
  }
  *response.mutable_stats() = ReadMetrics(*groups_);
  return response;
}

bool Container::IsAbandoned() const {
  return init_.exit() && access(TaskDirectory().c_str(), F_OK) != 0;
}

void Container::LookForReaders() {
  if (init_.io() != nullptr) init_.io()->LookForReaders();
  for (const auto& [exec_id, process] : execs_) {
    if (process->io() != nullptr) process->io()->LookForReaders();
  }
}

}  // namespace holdfast::containerd
