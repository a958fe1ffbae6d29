#include "plugin/daemon.h"

#include <errno.h>
#include <grpcpp/grpcpp.h>
#include <signal.h>
#include <stdio.h>
#include <sys/signalfd.h>
#include <sysexits.h>
#include <unistd.h>

#include <memory>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "api/reasons.h"
#include "base/boot_id.h"
#include "base/errors.h"
#include "base/log.h"
#include "base/service_manager.h"
#include "base/uuid.h"
#include "base/version.h"
#include "cgroups/cgroups.h"
#include "plugin/api_socket.h"
#include "plugin/checkpoint/agent_store.h"
#include "plugin/containerizer/containerizer.h"
#include "plugin/containerizer/containerizer_service.h"
#include "plugin/identity/reconfiguration.h"
#include "plugin/identity/start_record.h"
#include "plugin/launch/file_limit.h"
#include "plugin/metrics/loop_measurer.h"
#include "plugin/metrics/metrics_server.h"
#include "plugin/recovery/decision.h"
#include "plugin/recovery/former_agent.h"
#include "plugin/service/agent.h"
#include "plugin/service/health_service.h"
#include "plugin/service/orchestrator_service.h"

namespace holdfast {
namespace {

// They wait for disks, not for processors; 16 at a time is where this stops
// to pay (design: one flush serves many files).
constexpr int kWorkers = 16;
constexpr absl::Duration kShutdownGrace = absl::Milliseconds(500);
constexpr absl::Duration kTellProgress = absl::Milliseconds(200);

int Fail(const absl::Status& status, int exit_code) {
  Log(Severity::kError, status.message());
  return exit_code;
}

// In this thread before there are others, which inherit the mask.
absl::StatusOr<UniqueFd> CatchStopSignals() {
  signal(SIGPIPE, SIG_IGN);
  signal(SIGCHLD, SIG_IGN);  // shims: the kernel reaps, connections tell
  sigset_t stop;
  sigemptyset(&stop);
  sigaddset(&stop, SIGTERM);
  sigaddset(&stop, SIGINT);
  if (pthread_sigmask(SIG_BLOCK, &stop, nullptr) != 0) {
    return ErrnoStatus(errno, "pthread_sigmask", "SIGTERM");
  }
  UniqueFd fd(signalfd(-1, &stop, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!fd) return ErrnoStatus(errno, "signalfd", "SIGTERM");
  return fd;
}

class Daemon {
 public:
  Daemon(const PluginFlags& flags, UniqueFd stop_signals, AgentStore& store,
         Cgroups& cgroups, EventLoop& loop, StartRecord start,
         AgentOptions options)
      : flags_(flags),
        stop_signals_(std::move(stop_signals)),
        store_(store),
        start_(std::move(start)),
        loop_(loop),
        workers_(kWorkers),
        agent_(loop, workers_, SystemFiles(), store, cgroups,
               std::move(options)),
        orchestrator_(loop, workers_, agent_),
        containerizer_(loop, workers_, cgroups, agent_, flags.cgroups_root) {}

  int Run() {
    absl::StatusOr<std::unique_ptr<grpc::Server>> server =
        ServeOn(store_.layout().Socket(), flags_.socket_group,
                {&orchestrator_, &containerizer_service_, &health_});
    if (!server.ok()) return Fail(server.status(), EX_CANTCREAT);
    server_ = *std::move(server);
    if (absl::Status serving = ServeMetrics(); !serving.ok()) {
      return Fail(serving, EX_CANTCREAT);
    }
    absl::StatusOr<AgentStore::Frameworks> frameworks = store_.LoadFrameworks();
    if (!frameworks.ok()) {
      if (!flags_.strict) return Fail(frameworks.status(), EX_IOERR);
      frameworks = AgentStore::Frameworks();  // it is listed with the rest
    }
    agent_.WhenCleanedUp([this] { OnCleanedUp(); });
    agent_.Recover(
        *std::move(frameworks), start_.loaded,
        {.refused =
             [this](const std::vector<Damage>& damage) { Refuse(damage); },
         .accepted = [this] { KeepRecord(SystemFiles(), store_, start_); },
         .complete = [this] { OnRecovered(); }});
    service_manager_.Tell("READY=1");
    TellProgress();
    const absl::Status watched = loop_.Watch(
        stop_signals_.get(), EPOLLIN, [this](uint32_t) { OnStopSignal(); });
    if (!watched.ok()) return Fail(watched, EX_OSERR);
    loop_.Run();
    return exit_code_;
  }

 private:
  absl::Status ServeMetrics() {
    if (flags_.metrics_address.empty()) return absl::OkStatus();
    HOLDFAST_ASSIGN_OR_RETURN(
        metrics_, MetricsServer::Start(flags_.metrics_address,
                                       [this] { return measurer_.Take(); }));
    Log(Severity::kInfo, "serving metrics",
        {{"address", flags_.metrics_address}, {"port", metrics_->port()}});
    return absl::OkStatus();
  }

  void TellProgress() {
    if (!agent_.recovering()) return;
    const auto [settled, all] = agent_.recovery_progress();
    service_manager_.Tell(
        absl::StrCat("STATUS=RECOVERING ", settled, "/", all));
    loop_.After(kTellProgress, [this] { TellProgress(); });
  }

  void OnRecovered() {
    // Nobody is to rely on one that is about to leave.
    if (flags_.recover == RecoverMode::kReconnect) health_.SetReady();
    const Measure measure = agent_.TakeMeasure();
    std::vector<std::string> outcomes;
    for (const auto& [outcome, count] : measure.outcomes) {
      outcomes.push_back(absl::StrCat(outcome.first, ":", count));
    }
    service_manager_.Tell(absl::StrCat("STATUS=serving, ",
                                       measure.executors_to_recover,
                                       " executors recovered"));
    Log(Severity::kInfo, "recovery is complete",
        {{"executors", measure.executors_to_recover},
         {"seconds", absl::ToDoubleSeconds(measure.recovery_took)},
         {"decided", absl::StrJoin(outcomes, ",")}});
  }

  // strict, or nothing can be read at all: nothing was touched.
  void Refuse(const std::vector<Damage>& damage) {
    Log(Severity::kError,
        flags_.strict
            ? "the checkpoint is damaged and --strict is true: nothing was "
              "touched, executors live on"
            : "the checkpoint cannot be read: nothing was touched, executors "
              "live on",
        {{"damaged", damage.size()}});
    service_manager_.Tell(
        "STATUS=the checkpoint is damaged; nothing was touched, see the log");
    fputs(DamageText(damage).c_str(), stderr);
    exit_code_ = EX_DATAERR;
    loop_.Stop();
  }

  void OnStopSignal() {
    signalfd_siginfo signal;
    (void)!read(stop_signals_.get(), &signal, sizeof signal);
    Log(Severity::kInfo, "stopping; checkpointed executors live on");
    Stop();
  }

  void OnCleanedUp() {
    if (stopping_) return;
    Log(Severity::kInfo,
        "cleaned up: no executor lives; what is unacknowledged is delivered "
        "by a start with --recover=reconnect");
    Stop();
  }

  void Stop() {
    stopping_ = true;
    service_manager_.Tell("STOPPING=1\nSTATUS=stopping");
    loop_.Unwatch(stop_signals_.get());
    agent_.Stop([this] {
      containerizer_.Stop();
      loop_.After(kShutdownGrace * 4, [this] { loop_.Stop(); });
      // Calls under way are answered by the loop, so it waits elsewhere.
      std::thread([this] {
        server_->Shutdown(std::chrono::system_clock::now() +
                          absl::ToChronoMilliseconds(kShutdownGrace));
        loop_.Stop();
      }).detach();
    });
  }

  const ServiceManager service_manager_ = ServiceManager::FromEnvironment();
  const PluginFlags& flags_;
  UniqueFd stop_signals_;
  AgentStore& store_;
  const StartRecord start_;
  EventLoop& loop_;
  WorkerPool workers_;
  Agent agent_;
  OrchestratorService orchestrator_;
  Containerizer containerizer_;
  ContainerizerService containerizer_service_{loop_, containerizer_};
  HealthService health_;
  std::unique_ptr<grpc::Server> server_;
  LoopMeasurer measurer_{loop_, [this] { return agent_.TakeMeasure(); }};
  std::unique_ptr<MetricsServer> metrics_;
  bool stopping_ = false;
  int exit_code_ = EX_OK;
};

}  // namespace

int RunDaemon(const PluginFlags& flags) {
  if (!flags.ignored.empty()) {
    Log(Severity::kInfo, "variables of the env_file that mean nothing here",
        {{"ignored", absl::StrJoin(flags.ignored, ",")}});
  }
  RaiseFileLimit();
  absl::StatusOr<UniqueFd> stop_signals = CatchStopSignals();
  if (!stop_signals.ok()) return Fail(stop_signals.status(), EX_OSERR);
  const absl::StatusOr<std::string> boot_id = ReadBootId(flags.boot_id_file);
  if (!boot_id.ok()) return Fail(boot_id.status(), EX_OSERR);
  const Layout layout = {flags.work_dir, flags.runtime_dir};
  if (flags.recover == RecoverMode::kCleanup &&
      !HasCheckpoint(SystemFiles(), layout)) {
    Log(Severity::kInfo, "nothing to clean up: there is no checkpoint",
        {{"work_dir", flags.work_dir}});
    return EX_OK;
  }
  absl::StatusOr<std::unique_ptr<AgentStore>> store =
      AgentStore::Open(SystemFiles(), layout);
  if (!store.ok()) {
    return Fail(store.status(), ReasonOf(store.status()) == AgentStore::kInUse
                                    ? EX_TEMPFAIL
                                    : EX_CANTCREAT);
  }
  absl::StatusOr<StartRecord> start = ReadStartRecord(
      SystemFiles(), **store,
      {.info = flags.info,
       // A cleanup is what a change that is too large is made with.
       .policy = flags.recover == RecoverMode::kCleanup
                     ? ReconfigurationPolicy::kAny
                     : flags.reconfiguration_policy,
       .boot_id = *boot_id,
       .now = SystemClock().Now()});
  if (!start.ok()) {
    return Fail(start.status(),
                ReasonOf(start.status()) == kReconfigurationRefused
                    ? EX_CONFIG
                    : EX_DATAERR);
  }
  // A disk's error is no damage, which strict lists with all the rest: the
  // record may be good the next time.
  if (!start->loaded.ok() && !IsDamage(start->loaded.status()) &&
      !flags.strict) {
    return Fail(start->loaded.status(), EX_IOERR);
  }
  absl::StatusOr<std::unique_ptr<Cgroups>> cgroups =
      Cgroups::Create(flags.cgroups_root);
  if (!cgroups.ok()) return Fail(cgroups.status(), EX_UNAVAILABLE);
  absl::StatusOr<std::unique_ptr<EventLoop>> loop = EventLoop::Create();
  if (!loop.ok()) return Fail(loop.status(), EX_OSERR);
  AgentOptions options;
  options.record = start->today;
  options.host_resources = flags.host_resources;
  options.incarnation = RandomUuid();
  options.boot_id = *boot_id;
  options.version = kVersion;
  options.recover = flags.recover;
  options.strict = flags.strict;
  options.orphans = flags.orphans;
  options.recovery_timeout = flags.recovery_timeout;
  options.executor_reregistration_timeout =
      flags.executor_reregistration_timeout;
  options.executor_shutdown_grace_period = flags.executor_shutdown_grace_period;
  options.gc_delay = flags.gc_delay;
  options.gc_disk_headroom = flags.gc_disk_headroom;
  options.disk_watch_interval = flags.disk_watch_interval;
  options.cgroups_root = flags.cgroups_root;
  options.shim_path = flags.shim;
  options.flags = flags.effective;
  // Never destroyed: threads of gRPC may still be in it, and all that matters
  // is on disk.
  auto* daemon = new Daemon(flags, *std::move(stop_signals), **store, **cgroups,
                            **loop, *std::move(start), std::move(options));
  const int exit_code = daemon->Run();
  _exit(exit_code);
}

}  // namespace holdfast
