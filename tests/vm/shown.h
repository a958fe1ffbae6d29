#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "shim/bundle/executor_facts.h"

namespace holdfast::vm {

// What an orchestrator has been shown, a line each, as `vm_load` tells it:
//   launched TASK            its launch was answered OK
//   shown TASK UUID          an update came on the stream
//   acknowledging TASK UUID  about to be said
//   acknowledged TASK UUID   it was answered OK
// Whatever happens to the host afterwards, all of it has to be on its disk.
class Shown {
 public:
  // A last line without its newline never quite arrived, and is left out.
  // InvalidArgument: a line that is none of these.
  static absl::StatusOr<Shown> Parse(absl::string_view lines);

  // What is wrong with a disk that holds `on_disk`, by task id; none: every
  // promise was kept.
  std::vector<std::string> Complaints(
      const std::map<std::string, const ExecutorFacts*>& on_disk) const;

  size_t lines() const { return lines_; }

 private:
  struct Task {
    bool launched = false;
    std::vector<std::string> shown;  // uuids, as they came
    std::set<std::string> acknowledging;
    std::set<std::string> acknowledged;
  };

  static void Compare(const std::string& task_id, const Task& task,
                      const ExecutorFacts* facts,
                      std::vector<std::string>& complaints);

  size_t lines_ = 0;
  std::map<std::string, Task> tasks_;
};

}  // namespace holdfast::vm
