// Containers: Kill, Pause, Resume, Update, Checkpoint.

#include <signal.h>

#include <utility>

#include "absl/strings/str_cat.h"
#include "base/errors.h"
#include "base/files.h"
#include "shim/containerd/container.h"

namespace holdfast::containerd {

void Container::Kill(const task::KillRequest& request, Answer<Empty> answer) {
  const absl::StatusOr<Process*> process = Find(request.exec_id());
  if (!process.ok()) return answer(process.status());
  const int signal = static_cast<int>(request.signal());
  const bool all = request.all() && request.exec_id().empty();
  if (!all) return AnswerEmpty(answer)((*process)->Signal(signal));
  work_.Add([this, signal, answer = std::move(answer)](WorkQueue::Done done) {
    // Nothing is left of one that has ended.
    if (init_.state() == TaskState::kStopped) {
      answer(Empty());
      return done();
    }
    runtime_.Kill(id(), signal, /*all=*/true,
                  [done, answer](const absl::Status& killed) {
                    AnswerEmpty(answer)(killed);
                    done();
                  });
  });
}

// `work`, in its turn, where the state takes `call` then.
void Container::Control(TaskCall call, Work work, Answer<Empty> answer) {
  work_.Add([this, call, work = std::move(work),
             answer = std::move(answer)](WorkQueue::Done done) {
    const auto finish = [done, answer](const absl::Status& status) {
      AnswerEmpty(answer)(status);
      done();
    };
    const absl::Status can = CheckTakes(init_.state(), call);
    if (!can.ok()) return finish(can);
    work(finish);
  });
}

void Container::Pause(Answer<Empty> answer) {
  Control(
      TaskCall::kPause,
      [this](const OciRuntime::Done& done) {
        runtime_.Pause(id(), [this, done](const absl::Status& paused) {
          if (paused.ok()) SetPaused(true);
          done(paused);
        });
      },
      std::move(answer));
}

void Container::Resume(Answer<Empty> answer) {
  Control(
      TaskCall::kResume,
      [this](const OciRuntime::Done& done) {
        runtime_.Resume(id(), [this, done](const absl::Status& resumed) {
          if (resumed.ok()) SetPaused(false);
          done(resumed);
        });
      },
      std::move(answer));
}

void Container::SetPaused(bool paused) {
  // It may have ended meanwhile.
  if (init_.state() != TaskState::kStopped) {
    init_.SetState(paused ? TaskState::kPaused : TaskState::kRunning);
  }
  if (paused) {
    ::containerd::events::TaskPaused event;
    event.set_container_id(id());
    Publish("/tasks/paused", "TaskPaused", event.SerializeAsString());
  } else {
    ::containerd::events::TaskResumed event;
    event.set_container_id(id());
    Publish("/tasks/resumed", "TaskResumed", event.SerializeAsString());
  }
}

void Container::Update(const task::UpdateTaskRequest& request,
                       Answer<Empty> answer) {
  Control(
      TaskCall::kUpdate,
      [this,
       resources = request.resources().value()](const OciRuntime::Done& done) {
        runtime_.Update(id(), resources, done);
      },
      std::move(answer));
}

void Container::Checkpoint(const task::CheckpointTaskRequest& request,
                           Answer<Empty> answer) {
  absl::StatusOr<CheckpointOptions> options =
      ParseCheckpointOptions(request.options());
  if (!options.ok()) return answer(options.status());
  OciRuntime::Checkpoint checkpoint;
  checkpoint.id = id();
  checkpoint.image_path =
      options->image_path.empty() ? request.path() : options->image_path;
  const bool own_work_path = options->work_path.empty();
  checkpoint.work_path =
      own_work_path ? CriuWorkDirectory() : options->work_path;
  checkpoint.parent_path = options->parent_path;
  checkpoint.exit = options->exit;
  checkpoint.criu_flags = options->criu_flags;
  Control(
      TaskCall::kCheckpoint,
      [this, checkpoint, own_work_path](const OciRuntime::Done& done) {
        runtime_.Run(checkpoint, [checkpoint, own_work_path,
                                  done](const absl::Status& status) {
          // Of one that failed, the error names a log there.
          if (status.ok() && own_work_path)
            (void)RemoveTree(checkpoint.work_path);
          done(status);
        });
      },
      std::move(answer));
}

}  // namespace holdfast::containerd
