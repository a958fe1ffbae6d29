#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "hack/local_agent/child_process.h"
#include "hack/local_agent/client.h"
#include "hack/local_agent/processes.h"

namespace holdfast::vm {

// A task that writes a number and the time every 100 ms.
struct Counter {
  std::string task_id;
  std::string container_id;
  hack::ProcessIdentity executor;
  hack::ProcessIdentity shim;
  std::string output;  // the file
};

// Launches one with a limit of 32 MiB and 20 processes.
absl::StatusOr<Counter> LaunchCounter(hack::Client& client,
                                      const std::string& framework_id,
                                      const std::string& task_id);

// The same loop without Holdfast: what it misses, the machine has missed.
class BareCounters {
 public:
  static absl::StatusOr<BareCounters> Start(int count);
  BareCounters(BareCounters&&) = default;
  ~BareCounters();

  const std::vector<std::string>& outputs() const { return outputs_; }

 private:
  BareCounters() = default;

  std::vector<hack::ChildProcess> loops_;
  std::vector<std::string> outputs_;
};

// The longest pause of a counter between two lines after `since`, or since the
// last one. InfiniteDuration: it has written nothing since.
absl::Duration LongestGap(const std::string& output_file, absl::Time since);

// Its numbers are all there: none twice, none passed over.
bool IsGapless(const std::string& output_file);

}  // namespace holdfast::vm
