#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "api/records.pb.h"
#include "base/files.h"
#include "plugin/checkpoint/layout.h"

namespace holdfast {

// The agent's own few records, each replaced whole. They are an index: the
// executors' journals hold the truth about executors.
//   <meta>/agent.record, <meta>/frameworks/<id>.record:
//   a journal (shim/records/journal.h) of one payload
class AgentStore {
 public:
  static constexpr char kInUse[] = "IN_USE";

  // Makes the directories, and takes the locks of work_dir and runtime_dir:
  // FailedPrecondition with the reason kInUse when another plugin holds one.
  // The locks are held as long as the store lives.
  static absl::StatusOr<std::unique_ptr<AgentStore>> Open(Files& files,
                                                          Layout layout);

  // For those who only look, beside a plugin or without one: takes no lock
  // and makes nothing; only its Load calls may be made.
  static AgentStore ForReading(Files& files, Layout layout) {
    return AgentStore(files, std::move(layout));
  }

  const Layout& layout() const { return layout_; }

  // NotFound: there is none yet. DataLoss: damaged, naming file and offset.
  absl::StatusOr<v1::AgentRecord> LoadAgent() const;
  absl::Status SaveAgent(const v1::AgentRecord& record);

  struct DamagedFile {
    std::string path;
    absl::Status what;
  };
  struct Frameworks {
    std::vector<v1::FrameworkRecord> records;
    std::vector<DamagedFile> damaged;
  };
  absl::StatusOr<Frameworks> LoadFrameworks() const;
  // Moves a framework's damaged record aside, durably and never over another
  // one. Returns where it is now.
  absl::StatusOr<std::string> QuarantineFramework(const std::string& path);
  // From any thread, one at a time for one framework.
  absl::Status SaveFramework(const v1::FrameworkRecord& record);
  // OK too when there is none.
  absl::Status RemoveFramework(const std::string& framework_id);

 private:
  AgentStore(Files& files, Layout layout) : files_(files), layout_(layout) {}

  Files& files_;
  const Layout layout_;
  std::vector<std::unique_ptr<File>> locks_;
};

}  // namespace holdfast
