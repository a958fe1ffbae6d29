#include "shim/containerd/task_state.h"

#include <map>
#include <set>

#include "gtest/gtest.h"

namespace holdfast::containerd {
namespace {

constexpr TaskState kStates[] = {TaskState::kCreated, TaskState::kRunning,
                                 TaskState::kPaused, TaskState::kStopped};

TEST(TaskState, TakesWhatThePictureSays) {
  const std::map<TaskCall, std::set<TaskState>> takes = {
      {TaskCall::kStart, {TaskState::kCreated}},
      {TaskCall::kPause, {TaskState::kRunning}},
      {TaskCall::kResume, {TaskState::kPaused}},
      {TaskCall::kUpdate,
       {TaskState::kCreated, TaskState::kRunning, TaskState::kPaused}},
      {TaskCall::kCheckpoint, {TaskState::kRunning, TaskState::kPaused}},
      {TaskCall::kExec, {TaskState::kCreated, TaskState::kRunning}},
      {TaskCall::kDelete, {TaskState::kCreated, TaskState::kStopped}},
  };

  for (const auto& [call, states] : takes) {
    for (const TaskState state : kStates) {
      EXPECT_EQ(CheckTakes(state, call).ok(), states.count(state) == 1)
          << Name(call) << " while " << Name(state);
    }
  }
}

TEST(TaskState, SaysWhatItDoesNotTake) {
  EXPECT_EQ(CheckTakes(TaskState::kPaused, TaskCall::kExec),
            absl::UnknownError("cannot exec in a paused process"));
}

}  // namespace
}  // namespace holdfast::containerd
