#pragma once

#include <string>

#include "absl/strings/str_cat.h"

namespace holdfast {

// Where everything of one plugin lies. What survives a reboot is below
// work_dir; what a framework with checkpoint=false has is below runtime_dir,
// which does not.
//
//   <work_dir>/lock
//   <work_dir>/meta/agent.record
//   <work_dir>/meta/frameworks/<id>.record
//   <work_dir>/executors/<container
//   id>/{journal,stdout,stderr,shim.log,sandbox/}
//   <work_dir>/executors/.spare-…      made ahead (spare_directory.h)
//   <work_dir>/quarantine/<container id>…
//   <work_dir>/quarantine/frameworks/<id>.record…
//   <runtime_dir>/lock, holdfastd.sock
//   <runtime_dir>/shims/<container id>/{shim.sock,exec.sock,stdout,stderr}
//   <runtime_dir>/executors/<container id>/…     for checkpoint=false
struct Layout {
  static constexpr char kQuarantinedFrameworks[] = "frameworks";

  std::string work_dir;
  std::string runtime_dir;

  std::string Meta() const { return absl::StrCat(work_dir, "/meta"); }
  std::string AgentRecord() const {
    return absl::StrCat(Meta(), "/agent.record");
  }
  std::string Frameworks() const { return absl::StrCat(Meta(), "/frameworks"); }
  std::string FrameworkRecord(const std::string& framework_id) const {
    return absl::StrCat(Frameworks(), "/", framework_id, ".record");
  }
  std::string Quarantine() const {
    return absl::StrCat(work_dir, "/quarantine");
  }
  std::string QuarantinedFrameworks() const {
    return absl::StrCat(Quarantine(), "/", kQuarantinedFrameworks);
  }
  std::string Executors(bool checkpoint) const {
    return absl::StrCat(checkpoint ? work_dir : runtime_dir, "/executors");
  }
  std::string Executor(const std::string& container_id, bool checkpoint) const {
    return absl::StrCat(Executors(checkpoint), "/", container_id);
  }
  std::string Journal(const std::string& container_id, bool checkpoint) const {
    return absl::StrCat(Executor(container_id, checkpoint), "/journal");
  }
  std::string Sandbox(const std::string& container_id, bool checkpoint) const {
    return absl::StrCat(Executor(container_id, checkpoint), "/sandbox");
  }
  std::string Shims() const { return absl::StrCat(runtime_dir, "/shims"); }
  std::string Shim(const std::string& container_id) const {
    return absl::StrCat(Shims(), "/", container_id);
  }
  std::string ShimSocket(const std::string& container_id) const {
    return absl::StrCat(Shim(container_id), "/shim.sock");
  }
  std::string ExecutorSocket(const std::string& container_id) const {
    return absl::StrCat(Shim(container_id), "/exec.sock");
  }
  std::string Socket() const {
    return absl::StrCat(runtime_dir, "/holdfastd.sock");
  }
};

}  // namespace holdfast
