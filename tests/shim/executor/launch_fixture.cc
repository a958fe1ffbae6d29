#include "tests/shim/executor/launch_fixture.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <utility>

#include "absl/strings/str_cat.h"
#include "base/files.h"

namespace holdfast::shim {

std::string ReadToEnd(int fd) {
  std::string all;
  char buffer[4096];
  ssize_t got;
  while ((got = read(fd, buffer, sizeof buffer)) > 0) {
    all.append(buffer, static_cast<size_t>(got));
  }
  return all;
}

Ran RunToEnd(LaunchPlan plan) {
  int ends[2];
  EXPECT_EQ(pipe2(ends, O_CLOEXEC), 0);
  const UniqueFd reader(ends[0]);
  UniqueFd writer(ends[1]);
  plan.stdout_fd = plan.stderr_fd = writer.get();
  Ran ran;
  absl::StatusOr<Pidfd> child = Launch(plan);
  writer.Reset();
  ran.launched = child.status();
  if (!child.ok()) return ran;
  ran.pid = child->pid();
  ran.output = ReadToEnd(reader.get());
  siginfo_t info = {};
  EXPECT_EQ(waitid(P_PIDFD, static_cast<id_t>(child->fd()), &info, WEXITED), 0);
  ran.exit_code = info.si_status;
  return ran;
}

LaunchPlan Plan(std::vector<std::string> argv) {
  LaunchPlan plan;
  plan.argv = std::move(argv);
  return plan;
}

LaunchPlan Shell(std::string line) {
  return Plan({"/bin/sh", "-c", std::move(line)});
}

void Launching::SetUp() {
  char path[] = "/tmp/holdfast-launch-XXXXXX";
  ASSERT_NE(mkdtemp(path), nullptr);
  directory_ = path;
  ASSERT_EQ(chmod(path, 0755), 0);
}

void Launching::TearDown() { EXPECT_TRUE(RemoveTree(directory_).ok()); }

std::string Launching::MakeFile(const std::string& name,
                                const std::string& content, mode_t mode) {
  std::string path = absl::StrCat(directory_, "/", name);
  const UniqueFd fd(open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, mode));
  EXPECT_TRUE(fd);
  EXPECT_EQ(write(fd.get(), content.data(), content.size()),
            static_cast<ssize_t>(content.size()));
  return path;
}

}  // namespace holdfast::shim
