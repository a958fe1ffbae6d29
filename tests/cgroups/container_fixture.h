#pragma once

#include <gtest/gtest.h>
#include <sys/types.h>

#include <functional>
#include <memory>
#include <string>

#include "base/pidfd.h"
#include "base/unique_fd.h"
#include "cgroups/cgroups.h"

namespace holdfast {

// A forked process of this test's own that has joined a container's groups as
// an executor does. Killed and reaped with its owner.
class TestProcess {
 public:
  // Returns once it has joined; `body` then runs in it, which is to leave by
  // _exit (returning is exit code 0).
  TestProcess(const ContainerGroups& groups, const std::function<void()>& body);
  TestProcess(TestProcess&& other) noexcept;
  TestProcess& operator=(TestProcess&&) = delete;
  ~TestProcess();

  pid_t pid() const { return pid_; }
  // Blocks until it has ended; its wait(2) status. Reaps it.
  int Wait();
  // Blocks until it has ended and leaves it a zombie.
  void WaitUntilZombie() const;

 private:
  pid_t pid_ = -1;
};

// Bodies for it.
void SleepForever();

// A pipe through which a process tells a number that the test waits for.
class NumberPipe {
 public:
  NumberPipe();
  void Send(int number) const;
  int Receive() const;  // -1: every sender is gone

 private:
  UniqueFd read_end_;
  UniqueFd write_end_;
};

// Waits 5 s at most for the end of a process that is no child of ours.
bool EndsSoon(const Pidfd& process);

// The mode as a parameter: kV1 is forced where v2 could be had, for the others
// the host must be of that kind.
class ContainerTest : public testing::TestWithParam<CgroupsMode> {
 protected:
  void SetUp() override;
  // Kills and removes what the test left.
  void TearDown() override;

  ContainerGroups CreateContainer(const CgroupLimits& limits = {});
  // "<tracked executor group>", v2 or freezer.
  std::string TrackedGroup() const;
  // Stops every process in the container where it stands.
  void Freeze();

  const std::string root_ = RootName();
  const std::string id_ = "container with a blank";
  std::unique_ptr<Cgroups> cgroups_;

 private:
  static std::string RootName();
};

std::string ModeName(const testing::TestParamInfo<CgroupsMode>& info);

// INSTANTIATE_TEST_SUITE_P(Modes, SomeTest, kAllModes, ModeName);
inline const auto kAllModes =
    testing::Values(CgroupsMode::kV1, CgroupsMode::kHybrid, CgroupsMode::kV2);

}  // namespace holdfast
