#pragma once

#include "absl/strings/string_view.h"

namespace holdfast {

// What an orchestrator holds of an agent.
//
//               kTasksKnown               kSilence
//  kJoining ───────────────▶ kReachable ───────────▶ kUnreachable
//    ▲ ▲ │        kOtherLife │                         │  ▲
//    │ └─┼───────────────────┘                         │  │
//    └───┼──────────── kAnswer, kOtherLife ────────────┘  │
//        └───────────────── kSilence ─────────────────────┘
//
//  any but kShutDown ── kGiveUp ─▶ kGivenUp ── kShutDownDone ─▶ kShutDown,
//  final
//
// kJoining is the beginning, and where an agent that comes back or was
// restarted tells its tasks before it counts as reachable. One that was given
// up is never readmitted: as soon as it answers it is told to shut down.
enum class LivenessState {
  kJoining,
  kReachable,
  kUnreachable,
  kGivenUp,
  kShutDown,
};

enum class LivenessEvent {
  kAnswer,        // to a ping, from the life that answered last
  kOtherLife,     // likewise, from another: it was restarted meanwhile
  kSilence,       // no answer for ping_timeout × max_ping_timeouts
  kTasksKnown,    // it has recovered and told its tasks
  kGiveUp,        // the owner's decision
  kShutDownDone,  // it has confirmed, or it is another agent by now
};

constexpr LivenessState Next(LivenessState state, LivenessEvent event) {
  if (event == LivenessEvent::kGiveUp && state != LivenessState::kShutDown) {
    return LivenessState::kGivenUp;
  }
  switch (state) {
    case LivenessState::kJoining:
      if (event == LivenessEvent::kTasksKnown) return LivenessState::kReachable;
      if (event == LivenessEvent::kSilence) return LivenessState::kUnreachable;
      return state;
    case LivenessState::kReachable:
      if (event == LivenessEvent::kOtherLife) return LivenessState::kJoining;
      if (event == LivenessEvent::kSilence) return LivenessState::kUnreachable;
      return state;
    case LivenessState::kUnreachable:
      if (event == LivenessEvent::kAnswer) return LivenessState::kJoining;
      if (event == LivenessEvent::kOtherLife) return LivenessState::kJoining;
      return state;
    case LivenessState::kGivenUp:
      if (event == LivenessEvent::kShutDownDone)
        return LivenessState::kShutDown;
      return state;
    case LivenessState::kShutDown:
      return state;
  }
  return state;
}

constexpr absl::string_view Name(LivenessState state) {
  switch (state) {
    case LivenessState::kJoining:
      return "joining";
    case LivenessState::kReachable:
      return "reachable";
    case LivenessState::kUnreachable:
      return "unreachable";
    case LivenessState::kGivenUp:
      return "given up";
    case LivenessState::kShutDown:
      return "shut down";
  }
  return "";
}

}  // namespace holdfast
