#pragma once

#include <string>
#include <vector>

#include "api/types.pb.h"

namespace holdfast::hack {

// One task of the demonstration, and how it is meant to fare.
struct DemoTask {
  enum class Fate {
    kLives,          // through the agent's death, until we kill it
    kEndsMeanwhile,  // by itself, while the agent is down
    kEndsWithAgent,  // its framework does not checkpoint
  };

  v1::TaskInfo info;
  std::string framework_id;
  Fate fate = Fate::kLives;
  // Of kEndsMeanwhile: one of the two.
  int exit_code = 0;
  int signal = 0;
  // The file in its sandbox that it writes to; empty: its stdout.
  std::string counter_file;
};

inline constexpr char kCheckpointing[] = "demo";
inline constexpr char kNotCheckpointing[] = "demo-nocheckpoint";

// 50 executors with 52 tasks. Each writes a number and the time every 100 ms;
// those that end meanwhile do so once `end_file` exists. `bin_dir` holds the
// custom executor.
std::vector<DemoTask> MakeDemoTasks(const std::string& end_file,
                                    const std::string& bin_dir);

}  // namespace holdfast::hack
