#pragma once

#include <stdlib.h>

#include <string>

#include "absl/strings/str_cat.h"
#include "base/files.h"
#include "gtest/gtest.h"

namespace holdfast {

// A test with a place for the shim's socket.
class EndpointTest : public ::testing::Test {
 protected:
  void SetUp() override {
    char path[] = "/tmp/holdfast-executor-XXXXXX";
    ASSERT_NE(mkdtemp(path), nullptr);
    directory_ = path;
    endpoint_ = absl::StrCat("unix:", directory_, "/socket");
  }
  void TearDown() override { EXPECT_TRUE(RemoveTree(directory_).ok()); }

  std::string directory_;
  std::string endpoint_;
};

}  // namespace holdfast
