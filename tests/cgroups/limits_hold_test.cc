// That the kernel holds what the limits say, with processes that try.

#include <errno.h>
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <vector>

#include "absl/strings/str_cat.h"
#include "base/files.h"
#include "base/unique_fd.h"
#include "cgroups/cgroups.h"
#include "cgroups/mountinfo.h"
#include "tests/cgroups/container_fixture.h"
#include "tests/fakes/temporary_directory.h"

namespace holdfast {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

class LimitsHoldTest : public ContainerTest {
 protected:
  // The content of `file` in the executor's group of whichever hierarchy has
  // it; "" where none has.
  std::string ReadLimit(const std::string& file) const {
    const ContainerGroups groups = cgroups_->FindContainer(id_);
    std::vector<std::string> directories = {groups.cgroup_directory};
    for (const std::string& join_file : groups.join_files) {
      directories.push_back(join_file.substr(0, join_file.rfind('/')));
    }
    for (const std::string& directory : directories) {
      const auto content = ReadSmallFile(absl::StrCat(directory, "/", file));
      if (content.ok()) return *content;
    }
    return "";
  }

  bool IsV2() const { return GetParam() == CgroupsMode::kV2; }
  std::string ReadMemoryLimit() const {
    return ReadLimit(IsV2() ? "memory.max" : "memory.limit_in_bytes");
  }
};
INSTANTIATE_TEST_SUITE_P(Modes, LimitsHoldTest, kAllModes, ModeName);

TEST_P(LimitsHoldTest, NoMoreProcessesThanAllowed) {
  TestProcess process(CreateContainer({.pids = 3}), [] {
    int forked = 0;
    while (forked < 10) {
      const pid_t pid = fork();
      if (pid == 0) SleepForever();
      if (pid < 0) _exit(errno == EAGAIN ? forked : 99);
      ++forked;
    }
    _exit(forked);
  });

  EXPECT_EQ(WEXITSTATUS(process.Wait()), 2) << "itself and two more";
}

TEST_P(LimitsHoldTest, NoMoreMemoryThanAllowed) {
  const ContainerGroups groups = CreateContainer({.memory_bytes = 16 << 20});
  TestProcess process(groups, [] {
    const std::vector<char> too_much(64 << 20, 'x');
    _exit(too_much[0]);
  });

  const int status = process.Wait();

  EXPECT_TRUE(WIFSIGNALED(status)) << status;
  EXPECT_EQ(WTERMSIG(status), SIGKILL);
  const auto usage = cgroups_->Usage(id_);
  ASSERT_TRUE(usage.ok()) << usage.status();
  EXPECT_EQ(usage->oom_kills, 1u);
  EXPECT_LE(usage->memory_peak_bytes.value_or(0), 16u << 20);
}

TEST_P(LimitsHoldTest, AQuotaOfCpuTimeIsWritten) {
  CreateContainer({.cpus = 0.5});

  if (IsV2()) {
    EXPECT_EQ(ReadLimit("cpu.max"), "50000 100000\n");
    EXPECT_EQ(ReadLimit("cpu.weight"), "50\n");
  } else {
    EXPECT_EQ(ReadLimit("cpu.cfs_quota_us"), "50000\n");
    EXPECT_EQ(ReadLimit("cpu.shares"), "512\n");
  }
}

TEST_P(LimitsHoldTest, SwapIsNoWayOut) {
  CreateContainer({.memory_bytes = 16 << 20});

  const std::string swap =
      ReadLimit(IsV2() ? "memory.swap.max" : "memory.memsw.limit_in_bytes");
  if (swap.empty()) GTEST_SKIP() << "this kernel does not account swap";
  EXPECT_EQ(swap, IsV2() ? "0\n" : "16777216\n");
}

TEST_P(LimitsHoldTest, LimitsAreRaisedLoweredAndLifted) {
  CreateContainer({.cpus = 1, .memory_bytes = 16 << 20, .pids = 10});

  ASSERT_EQ(cgroups_->SetLimits(
                id_, {.cpus = 2, .memory_bytes = 64 << 20, .pids = 20}),
            absl::OkStatus());
  EXPECT_EQ(ReadMemoryLimit(), "67108864\n");
  EXPECT_EQ(ReadLimit("pids.max"), "20\n");
  ASSERT_EQ(cgroups_->SetLimits(id_, {.cpus = 1, .memory_bytes = 32 << 20}),
            absl::OkStatus());
  EXPECT_EQ(ReadMemoryLimit(), "33554432\n");
  EXPECT_EQ(ReadLimit("pids.max"), "max\n");
  ASSERT_EQ(cgroups_->SetLimits(id_, {}), absl::OkStatus());
  if (IsV2()) {
    EXPECT_EQ(ReadMemoryLimit(), "max\n");
    EXPECT_EQ(ReadLimit("cpu.max"), "max 100000\n");
  } else {
    EXPECT_THAT(ReadMemoryLimit(), HasSubstr("922337203685477"));
    EXPECT_EQ(ReadLimit("cpu.cfs_quota_us"), "-1\n");
  }
}

TEST_P(LimitsHoldTest, ALimitThatV1WasNotLaunchedWithIsRefusedLater) {
  if (IsV2()) GTEST_SKIP() << "in v2 every container has every controller";
  CreateContainer({.pids = 10});

  const absl::Status status =
      cgroups_->SetLimits(id_, {.memory_bytes = 16 << 20, .pids = 5});

  EXPECT_TRUE(absl::IsFailedPrecondition(status)) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr("memory limit"));
  EXPECT_EQ(ReadLimit("pids.max"), "10\n") << "nothing was changed";
}

TEST_P(LimitsHoldTest, ALimitBelowWhatIsInUseIsRefused) {
  const NumberPipe touched;
  TestProcess process(CreateContainer({.memory_bytes = 64 << 20}), [&] {
    const std::vector<char> much(32 << 20, 'x');
    touched.Send(much[0]);
    SleepForever();
  });
  ASSERT_EQ(touched.Receive(), 'x');

  const absl::Status status =
      cgroups_->SetLimits(id_, {.memory_bytes = 8 << 20});

  EXPECT_TRUE(absl::IsFailedPrecondition(status)) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr("memory limit"));
  EXPECT_EQ(ReadMemoryLimit(), "67108864\n");
  EXPECT_EQ(cgroups_->Usage(id_)->oom_kills.value_or(0), 0u);
}

// What was only read or written through the page cache is no reason to refuse.
TEST_P(LimitsHoldTest, ALimitBelowWhatCanBeReclaimedIsImposed) {
  const NumberPipe written;
  const TemporaryDirectory directory;
  const std::string file = absl::StrCat(directory.path(), "/cached");
  const TestProcess process(CreateContainer({.memory_bytes = 64 << 20}), [&] {
    const UniqueFd fd(open(file.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
    const std::vector<char> part(1 << 20, 'x');
    ssize_t size = 0;
    for (int i = 0; i < 32; ++i) size += write(fd.get(), part.data(), 1 << 20);
    written.Send(fdatasync(fd.get()) == 0 ? static_cast<int>(size >> 20) : 0);
    SleepForever();
  });
  ASSERT_EQ(written.Receive(), 32);

  EXPECT_EQ(cgroups_->SetLimits(id_, {.memory_bytes = 8 << 20}),
            absl::OkStatus());

  EXPECT_EQ(ReadMemoryLimit(), "8388608\n");
}

TEST_P(LimitsHoldTest, WhatNoHostCouldImposeIsRefused) {
  const CgroupLimits impossible = {.memory_bytes = 4096};

  EXPECT_TRUE(absl::IsInvalidArgument(cgroups_->CheckEnforceable(impossible)));
  EXPECT_TRUE(absl::IsInvalidArgument(
      cgroups_->CreateContainer(id_, impossible).status()));
  EXPECT_THAT(cgroups_->Containers().value(), IsEmpty());
}

TEST_P(LimitsHoldTest, NothingIsLeftOfAContainerThatTheKernelRefuses) {
  if (IsV2()) GTEST_SKIP() << "v2 takes a quota above the parent's";
  // v1 grants no group more time than its parent has.
  std::string cpu_mount;
  for (const CgroupMount& mount :
       ParseCgroupMounts(ReadSmallFile("/proc/self/mountinfo").value())) {
    if (mount.HasOption("cpu")) cpu_mount = mount.path;
  }
  ASSERT_EQ(
      WriteKernelFile(absl::StrCat(cpu_mount, "/", root_, "/cpu.cfs_quota_us"),
                      "50000"),
      absl::OkStatus());

  const auto refused = cgroups_->CreateContainer(
      id_, {.cpus = 2, .memory_bytes = 64 << 20, .pids = 10});

  EXPECT_TRUE(absl::IsInvalidArgument(refused.status())) << refused.status();
  EXPECT_THAT(std::string(refused.status().message()), HasSubstr("cpu limit"));
  EXPECT_THAT(cgroups_->Containers().value(), IsEmpty());
}

}  // namespace
}  // namespace holdfast
