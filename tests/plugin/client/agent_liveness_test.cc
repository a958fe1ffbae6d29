#include "plugin/client/agent_liveness.h"

#include <gtest/gtest.h>

namespace holdfast {
namespace {

using State = LivenessState;
using Event = LivenessEvent;

constexpr Event kEvents[] = {Event::kAnswer,  Event::kOtherLife,
                             Event::kSilence, Event::kTasksKnown,
                             Event::kGiveUp,  Event::kShutDownDone};

TEST(AgentLiveness, WalksAsItsPictureSays) {
  const struct {
    State state;
    State next[6];  // by the events above
  } kRows[] = {
      {State::kJoining,
       {State::kJoining, State::kJoining, State::kUnreachable,
        State::kReachable, State::kGivenUp, State::kJoining}},
      {State::kReachable,
       {State::kReachable, State::kJoining, State::kUnreachable,
        State::kReachable, State::kGivenUp, State::kReachable}},
      {State::kUnreachable,
       {State::kJoining, State::kJoining, State::kUnreachable,
        State::kUnreachable, State::kGivenUp, State::kUnreachable}},
      {State::kGivenUp,
       {State::kGivenUp, State::kGivenUp, State::kGivenUp, State::kGivenUp,
        State::kGivenUp, State::kShutDown}},
      {State::kShutDown,
       {State::kShutDown, State::kShutDown, State::kShutDown, State::kShutDown,
        State::kShutDown, State::kShutDown}},
  };
  for (const auto& [state, next] : kRows) {
    for (size_t i = 0; i < std::size(kEvents); ++i) {
      EXPECT_EQ(Next(state, kEvents[i]), next[i])
          << Name(state) << ", event " << i;
    }
  }
}

TEST(AgentLiveness, NeverReadmitsWhomItGaveUp) {
  State state = Next(State::kUnreachable, Event::kGiveUp);

  for (const Event event : {Event::kAnswer, Event::kOtherLife, Event::kSilence,
                            Event::kTasksKnown}) {
    state = Next(state, event);
    EXPECT_EQ(state, State::kGivenUp);
  }
}

}  // namespace
}  // namespace holdfast
