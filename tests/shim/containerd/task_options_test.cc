#include "shim/containerd/task_options.h"

#include <string>

#include "api/containerd/linux_options.pb.h"
#include "api/containerd/runc_options.pb.h"
#include "api/containerd/runtime_options.pb.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace holdfast::containerd {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

template <typename Message>
google::protobuf::Any Pack(const std::string& type, const Message& message) {
  google::protobuf::Any any;
  any.set_type_url(type);
  any.set_value(message.SerializeAsString());
  return any;
}

TEST(TaskOptions, MayBeNone) {
  const auto options = ParseTaskOptions({});

  ASSERT_TRUE(options.ok()) << options.status();
  EXPECT_EQ(options->binary, "");
}

TEST(TaskOptions, AreRuncsWithAnyPrefixOfTheirType) {
  ::containerd::runc::v1::Options runc;
  runc.set_binary_name("/usr/bin/crun");
  runc.set_root("/run/r");
  runc.set_systemd_cgroup(true);
  runc.set_io_uid(7);

  for (const char* prefix : {"", "type.googleapis.com/"}) {
    const auto options = ParseTaskOptions(
        Pack(std::string(prefix) + "containerd.runc.v1.Options", runc));

    ASSERT_TRUE(options.ok()) << options.status();
    EXPECT_EQ(options->binary, "/usr/bin/crun");
    EXPECT_EQ(options->root, "/run/r");
    EXPECT_TRUE(options->systemd_cgroup);
    EXPECT_EQ(options->io_uid, 7u);
  }
}

TEST(TaskOptions, AreThoseOfAnOlderClient) {
  ::containerd::linux::runc::CreateOptions create;
  create.set_no_new_keyring(true);
  create.set_open_tcp(true);
  ::containerd::linux::runc::RuncOptions runtime;
  runtime.set_runtime("runc");

  const auto created =
      ParseTaskOptions(Pack("containerd.linux.runc.CreateOptions", create));
  EXPECT_TRUE(created->no_new_keyring);
  EXPECT_THAT(created->criu_flags, ElementsAre("--tcp-established"));
  EXPECT_EQ(ParseTaskOptions(Pack("containerd.linux.runc.RuncOptions", runtime))
                ->binary,
            "runc");
}

TEST(TaskOptions, AreTheTextOfAConfiguration) {
  ::runtimeoptions::v1::Options text;
  text.set_config_body(
      "# ours\n BinaryName = \"/opt/crun\"  # here\n\nSystemdCgroup=true\n"
      "IoUid = 5\nRoot = '/r#1'\n");

  const auto options =
      ParseTaskOptions(Pack("runtimeoptions.v1.Options", text));

  ASSERT_TRUE(options.ok()) << options.status();
  EXPECT_EQ(options->binary, "/opt/crun");
  EXPECT_TRUE(options->systemd_cgroup);
  EXPECT_EQ(options->io_uid, 5u);
  EXPECT_EQ(options->root, "/r#1");
}

// The stanza that `containerd config default` of 1.6 and 1.7 writes.
TEST(TaskOptions, MayBeAllThatADefaultConfigurationNames) {
  ::runtimeoptions::v1::Options text;
  text.set_config_body(
      "BinaryName = \"\"\nCriuImagePath = \"\"\nCriuPath = \"\"\n"
      "CriuWorkPath = \"\"\nIoGid = 0\nIoUid = 0\nNoNewKeyring = false\n"
      "NoPivotRoot = false\nRoot = \"\"\nShimCgroup = \"\"\n"
      "SystemdCgroup = false\n");

  const auto options =
      ParseTaskOptions(Pack("runtimeoptions.v1.Options", text));

  ASSERT_TRUE(options.ok()) << options.status();
  EXPECT_EQ(options->binary, "");
  EXPECT_EQ(options->shim_cgroup, "");
  EXPECT_FALSE(options->systemd_cgroup);
}

TEST(TaskOptions, NameTheLineThatIsWrong) {
  for (const char* body :
       {"\nBinary = \"x\"", "\nRoot = x", "\nSystemdCgroup = 1", "\nRoot",
        "\nIoUid = \"a\"", "\nRoot = \"a\\n\""}) {
    ::runtimeoptions::v1::Options text;
    text.set_config_body(body);
    const absl::Status status =
        ParseTaskOptions(Pack("runtimeoptions.v1.Options", text)).status();
    EXPECT_TRUE(absl::IsInvalidArgument(status)) << body;
    EXPECT_THAT(std::string(status.message()), HasSubstr("line 2")) << body;
  }
}

TEST(TaskOptions, NameATypeThatIsUnknown) {
  google::protobuf::Any any;
  any.set_type_url("kata.v1.Options");

  const absl::Status status = ParseTaskOptions(any).status();

  EXPECT_TRUE(absl::IsInvalidArgument(status));
  EXPECT_THAT(std::string(status.message()), HasSubstr("kata.v1.Options"));
}

TEST(TaskOptions, RefuseBytesThatAreNoOptions) {
  google::protobuf::Any any;
  any.set_type_url("containerd.runc.v1.Options");
  any.set_value("\xff\xff");

  EXPECT_TRUE(absl::IsInvalidArgument(ParseTaskOptions(any).status()));
}

TEST(CheckpointOptions, AreOfEitherFamily) {
  ::containerd::runc::v1::CheckpointOptions runc;
  runc.set_exit(true);
  runc.set_terminal(true);
  runc.set_parent_path("/p");
  ::containerd::linux::runc::CheckpointOptions older;
  older.set_work_path("/w");
  older.add_empty_namespaces("network");

  const auto newer = ParseCheckpointOptions(
      Pack("containerd.runc.v1.CheckpointOptions", runc));
  EXPECT_TRUE(newer->exit);
  EXPECT_EQ(newer->parent_path, "/p");
  EXPECT_THAT(newer->criu_flags, ElementsAre("--shell-job"));
  const auto old = ParseCheckpointOptions(
      Pack("containerd.linux.runc.CheckpointOptions", older));
  EXPECT_EQ(old->work_path, "/w");
  EXPECT_THAT(old->criu_flags, ElementsAre("--empty-ns=network"));
  EXPECT_TRUE(ParseCheckpointOptions({}).ok());
}

}  // namespace
}  // namespace holdfast::containerd
