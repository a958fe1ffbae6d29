#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "gtest/gtest.h"
#include "shim/executor/launch.h"

namespace holdfast::shim {

constexpr uid_t kNobody = 65534;

struct Ran {
  absl::Status launched;
  pid_t pid = 0;
  std::string output;
  int exit_code = -1;
};

std::string ReadToEnd(int fd);

// Launches with stdout and stderr into one pipe, and waits for the end.
Ran RunToEnd(LaunchPlan plan);

LaunchPlan Plan(std::vector<std::string> argv);
LaunchPlan Shell(std::string line);

class Launching : public ::testing::Test {
 protected:
  void SetUp() override;
  void TearDown() override;

  // Its path.
  std::string MakeFile(const std::string& name, const std::string& content,
                       mode_t mode);

  std::string directory_;
};

}  // namespace holdfast::shim
