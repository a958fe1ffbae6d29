#pragma once

#include <stdlib.h>

#include <string>

#include "base/files.h"

namespace holdfast {

// A directory of the test's own, gone with it.
class TemporaryDirectory {
 public:
  TemporaryDirectory() {
    const char* parent = getenv("TMPDIR");
    path_ = std::string(parent != nullptr ? parent : "/tmp") +
            "/holdfast-test-XXXXXX";
    if (mkdtemp(path_.data()) == nullptr) abort();
  }
  ~TemporaryDirectory() { (void)RemoveTree(path_); }  // the test is over
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;

  const std::string& path() const { return path_; }
  std::string operator/(const std::string& name) const {
    return path_ + "/" + name;
  }

 private:
  std::string path_;
};

}  // namespace holdfast
