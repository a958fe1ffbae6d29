#pragma once

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "shim/containerd/oci_runtime.h"
#include "tests/fakes/oci_bundle.h"
#include "tests/fakes/oci_runtimes.h"
#include "tests/shim/containerd/subreaper_fixture.h"

namespace holdfast::containerd {

// Real containers, of each runtime that is here. After a test nothing of them
// is left.
class OciRuntimeTest : public SubreaperTest,
                       public testing::WithParamInterface<const char*> {
 protected:
  void SetUp() override {
    const std::string binary = FindTestRuntime(GetParam());
    if (binary.empty()) GTEST_SKIP() << "no " << GetParam() << " on this host";
    if (geteuid() != 0) GTEST_SKIP() << "only root makes containers here";
    if (GetParam() == std::string("crun") && !HideUnifiedTreeFromCrun()) {
      GTEST_SKIP() << "crun refuses a hybrid host's cgroups, and they cannot "
                      "be hidden from it";
    }
    runtime_ = std::make_unique<OciRuntime>(
        *loop_, *children_,
        OciRuntime::Options{.binary = binary,
                            .root = scratch_ / "root",
                            .systemd_cgroup = false,
                            .log_directory = scratch_.path()});
  }
  void TearDown() override {
    if (runtime_ == nullptr) return;
    EXPECT_TRUE(Delete(/*force=*/true).ok());
    EXPECT_THAT(bundle_->Cgroups(), testing::IsEmpty());
    const auto left = SystemFiles().List(scratch_.path());
    for (const std::string& name : left.value()) {
      EXPECT_FALSE(absl::StartsWith(name, "runtime-")) << name << " is left";
    }
  }

  void MakeBundle(const OciBundleOptions& options) {
    bundle_ = std::make_unique<OciBundle>(options);
  }

  template <typename Request>
  absl::StatusOr<pid_t> RunForPid(const Request& request) {
    std::optional<absl::StatusOr<pid_t>> result;
    runtime_->Run(request, [&](absl::StatusOr<pid_t> pid) {
      if (pid.ok()) AwaitExit(*pid);
      result = std::move(pid);
    });
    if (!RunUntil([&] { return result.has_value(); })) {
      return absl::DeadlineExceededError("the runtime's command does not end");
    }
    return *std::move(result);
  }
  absl::StatusOr<pid_t> Create(const StdioFds& stdio = {},
                               const std::string& console_socket = "") {
    if (bundle_ == nullptr) MakeBundle({});
    OciRuntime::Create create;
    create.id = kId;
    create.bundle = bundle_->path();
    create.stdio = stdio;
    create.console_socket = console_socket;
    return RunForPid(create);
  }
  absl::StatusOr<pid_t> Exec(const std::vector<std::string>& args,
                             const StdioFds& stdio = {}) {
    const std::string file = scratch_ / "process.json";
    std::FILE* const out = std::fopen(file.c_str(), "we");
    std::fputs(OciProcess(args).c_str(), out);
    std::fclose(out);
    return RunForPid(OciRuntime::Exec{
        .id = kId, .process_file = file, .stdio = stdio, .console_socket = ""});
  }

  // `command` gets the callback to call.
  absl::Status Call(const std::function<void(OciRuntime::Done)>& command) {
    std::optional<absl::Status> result;
    command([&](absl::Status status) { result = std::move(status); });
    EXPECT_FALSE(result.has_value()) << "called back before the loop turned";
    if (!RunUntil([&] { return result.has_value(); })) {
      return absl::DeadlineExceededError("the runtime's command does not end");
    }
    return *std::move(result);
  }
  absl::Status Start() {
    return Call([&](auto done) { runtime_->Start(kId, std::move(done)); });
  }
  absl::Status Delete(bool force = false) {
    if (bundle_ == nullptr) MakeBundle({});
    return Call(
        [&](auto done) { runtime_->Delete(kId, force, std::move(done)); });
  }
  absl::Status Kill(int signal, bool all = false) {
    return Call(
        [&](auto done) { runtime_->Kill(kId, signal, all, std::move(done)); });
  }
  absl::Status Pause() {
    return Call([&](auto done) { runtime_->Pause(kId, std::move(done)); });
  }
  absl::Status Resume() {
    return Call([&](auto done) { runtime_->Resume(kId, std::move(done)); });
  }
  absl::Status Update(const std::string& resources) {
    return Call(
        [&](auto done) { runtime_->Update(kId, resources, std::move(done)); });
  }

  void AwaitExit(pid_t pid) {
    children_->Await(
        pid, [this, pid](const ChildExit& exit) { exits_[pid] = exit; });
  }
  bool HasExited(pid_t pid) {
    return RunUntil([&] { return exits_.count(pid) != 0; });
  }

  // A file that takes output; its content so far.
  UniqueFd OpenOutput(const std::string& name) {
    return UniqueFd(open((scratch_ / name).c_str(),
                         O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0600));
  }
  std::string OutputIn(const std::string& name) {
    return ReadSmallFile(scratch_ / name).value_or("");
  }

  static constexpr char kId[] = "c1";
  TemporaryDirectory scratch_;
  std::unique_ptr<OciBundle> bundle_;
  std::unique_ptr<OciRuntime> runtime_;
  std::map<pid_t, ChildExit> exits_;
};

}  // namespace holdfast::containerd
