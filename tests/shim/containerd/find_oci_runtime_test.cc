#include <fcntl.h>
#include <gtest/gtest.h>

#include "shim/containerd/oci_runtime.h"
#include "tests/fakes/temporary_directory.h"

namespace holdfast::containerd {
namespace {

class FindOciRuntimeTest : public testing::Test {
 protected:
  std::string Make(const std::string& name, mode_t mode = 0755) {
    const std::string path = bin_ / name;
    const UniqueFd made(open(path.c_str(), O_CREAT | O_CLOEXEC, mode));
    EXPECT_TRUE(made);
    return path;
  }
  TemporaryDirectory bin_;
  const bool crun_works_ = [] {
    const auto v2 = ReadSmallFile("/sys/fs/cgroup/unified/cgroup.controllers");
    return !v2.ok() || v2->find_first_not_of(" \n") == std::string::npos;
  }();
};

TEST_F(FindOciRuntimeTest, PrefersCrunWhereItWorks) {
  const std::string crun = Make("crun");
  const std::string runc = Make("runc");

  const auto found = FindOciRuntime("/nonesuch:" + bin_.path());

  ASSERT_TRUE(found.ok()) << found.status();
  EXPECT_EQ(*found, crun_works_ ? crun : runc);
}

TEST_F(FindOciRuntimeTest, TakesTheOneThatThereIs) {
  const std::string crun = Make("crun");
  EXPECT_EQ(*FindOciRuntime(bin_.path()), crun);

  ASSERT_EQ(unlink(crun.c_str()), 0);
  const std::string runc = Make("runc");
  EXPECT_EQ(*FindOciRuntime(bin_.path()), runc);
}

TEST_F(FindOciRuntimeTest, NamesBothWhenThereIsNeither) {
  Make("crun", 0644);  // not executable

  const auto found = FindOciRuntime(bin_.path());

  EXPECT_TRUE(absl::IsNotFound(found.status()));
  EXPECT_EQ(found.status().message(),
            "exec: neither \"crun\" nor \"runc\" found in $PATH");
}

}  // namespace
}  // namespace holdfast::containerd
