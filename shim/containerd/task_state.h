#pragma once

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"

namespace holdfast::containerd {

//   kCreated ──Start──▶ kRunning ──Pause──▶ kPaused
//      │                   │  ◀──Resume──      │
//      │ init ended        │ init ended        │ init ended
//      └──────────────▶ kStopped ◀─────────────┘     kStopped ──Delete──▶ gone
//
// Of a container and, without kPaused, of one process more in it (exec).
enum class TaskState { kCreated, kRunning, kPaused, kStopped };

// The calls that not every state takes.
enum class TaskCall {
  kStart,
  kPause,
  kResume,
  kUpdate,
  kCheckpoint,
  kExec,
  kDelete,
};

constexpr absl::string_view Name(TaskState state) {
  switch (state) {
    case TaskState::kCreated:
      return "created";
    case TaskState::kRunning:
      return "running";
    case TaskState::kPaused:
      return "paused";
    case TaskState::kStopped:
      return "stopped";
  }
  return "?";
}

constexpr absl::string_view Name(TaskCall call) {
  switch (call) {
    case TaskCall::kStart:
      return "start";
    case TaskCall::kPause:
      return "pause";
    case TaskCall::kResume:
      return "resume";
    case TaskCall::kUpdate:
      return "update";
    case TaskCall::kCheckpoint:
      return "checkpoint";
    case TaskCall::kExec:
      return "exec in";
    case TaskCall::kDelete:
      return "delete";
  }
  return "?";
}

constexpr bool Takes(TaskState state, TaskCall call) {
  switch (call) {  // no default: -Wswitch names a call that was forgotten
    case TaskCall::kStart:
      return state == TaskState::kCreated;
    case TaskCall::kPause:
      return state == TaskState::kRunning;
    case TaskCall::kResume:
      return state == TaskState::kPaused;
    case TaskCall::kUpdate:
      return state != TaskState::kStopped;
    case TaskCall::kCheckpoint:
      return state == TaskState::kRunning || state == TaskState::kPaused;
    case TaskCall::kExec:
      return state == TaskState::kCreated || state == TaskState::kRunning;
    case TaskCall::kDelete:
      return state == TaskState::kCreated || state == TaskState::kStopped;
  }
  return false;
}

// Unknown to the caller, as containerd's own shims answer.
inline absl::Status CheckTakes(TaskState state, TaskCall call) {
  if (Takes(state, call)) return absl::OkStatus();
  return absl::UnknownError(
      absl::StrCat("cannot ", Name(call), " a ", Name(state), " process"));
}

}  // namespace holdfast::containerd
