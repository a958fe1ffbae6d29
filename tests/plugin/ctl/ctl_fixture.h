#pragma once

#include <stdlib.h>

#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "tests/plugin/ctl/ctl_process.h"
#include "tests/plugin/ctl/fake_orchestrator.h"

namespace holdfast::ctl {

// An agent in a directory of its own, and holdfastctl against it.
class CtlTest : public ::testing::Test {
 protected:
  CtlTest() : agent(directory_ + "/holdfastd.sock") {}
  ~CtlTest() override {
    agent.ShutDown();
    unlink((directory_ + "/holdfastd.sock").c_str());
    rmdir(directory_.c_str());
  }

  std::string Address() const {
    return "unix:" + directory_ + "/holdfastd.sock";
  }
  CtlProcess::Result Ctl(std::vector<std::string> arguments) const {
    return RunCtl(Address(), std::move(arguments));
  }
  // A task with this id that runs.
  void Launch(const std::string& id) {
    const auto result = Ctl({"run", "-d", "--id", id, "--", "sleep", "100"});
    ASSERT_EQ(result.exit_code, 0) << result.err;
  }

  // Until a `run` of this task has had its launch answered: it shows "up".
  void WaitUntilAttached(CtlProcess& run, const std::string& id) {
    agent.WaitForLaunch(id);
    agent.Write(id, v1::LogsResponse::STDOUT, "up\n");
    run.WaitForOutput("up\n");
  }

 private:
  static std::string MakeDirectory() {
    std::string path = ::testing::TempDir() + "/holdfastctl-XXXXXX";
    EXPECT_NE(mkdtemp(path.data()), nullptr);
    return path;
  }

  const std::string directory_ = MakeDirectory();

 protected:
  FakeOrchestrator agent;
};

}  // namespace holdfast::ctl
