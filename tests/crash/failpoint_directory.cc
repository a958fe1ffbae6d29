#include "tests/crash/failpoint_directory.h"

#include <stdio.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "gtest/gtest.h"

namespace holdfast {

FailpointDirectory::FailpointDirectory(std::string path)
    : path_(std::move(path)) {
  std::filesystem::create_directories(path_);
}

std::string FailpointDirectory::variable() const {
  return absl::StrCat("HOLDFAST_FAILPOINTS_DIR=", path_);
}

std::string FailpointDirectory::Path(const char* name) const {
  return absl::StrCat(path_, "/", name);
}

void FailpointDirectory::Clear() const {
  Disarm();
  std::ofstream(Path("reached"), std::ios::trunc).close();
}

std::map<DeathPoint, int> FailpointDirectory::Reached() const {
  std::map<DeathPoint, int> reached;
  std::ifstream log(Path("reached"));
  for (std::string line; std::getline(log, line);) {
    const DeathPoint point = absl::StrSplit(line, absl::MaxSplits(' ', 1));
    ++reached[point];
  }
  return reached;
}

void FailpointDirectory::Arm(const DeathPoint& point, int times) const {
  Clear();
  std::ofstream file(Path("arming"));
  file << point.first << ' ' << point.second << ' ' << times;
  file.close();
  EXPECT_TRUE(file.good());
  EXPECT_EQ(rename(Path("arming").c_str(), Path("armed").c_str()), 0);
}

bool FailpointDirectory::Died() const {
  return access(Path("died").c_str(), F_OK) == 0;
}

void FailpointDirectory::Disarm() const {
  (void)unlink(Path("armed").c_str());  // none, or a death has taken it
  (void)unlink(Path("died").c_str());
}

}  // namespace holdfast
