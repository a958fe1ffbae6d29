#pragma once

#include <sys/types.h>

#include <string>

#include "gtest/gtest.h"

namespace holdfast::vm {

// Debian's containerd under its own unit, with our shim, the stock one
// ("io.containerd.stock.v2") and busybox. It is installed and started here:
// hack/vm test runs its tests in a machine of their own. After each test
// nothing of its containers is left.
class ContainerdUnit : public testing::Test {
 protected:
  static constexpr char kPacked[] = "/share/containerd";
  static constexpr char kImage[] = "docker.io/library/busybox:local";

  // This is a machine to which it was given.
  static bool IsPacked();

  static void SetUpTestSuite();
  void SetUp() override;
  void TearDown() override;

  static void Write(const std::string& path, const std::string& text);

  static std::string Shims();  // their pids
  // `ctr run` with our shim; what it prints.
  static std::string Run(const std::string& flags, const std::string& id,
                         const std::string& command);

  // Its state and its pid; neither, where there is no such task.
  struct Task {
    std::string state;
    pid_t pid = 0;
  };
  static Task Look(const std::string& id);
  static std::string Exec(const std::string& id, const std::string& command);

  // The daemon alone; systemd has started another one then.
  static void KillContainerd();
};

}  // namespace holdfast::vm
