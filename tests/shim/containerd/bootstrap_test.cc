#include "shim/containerd/bootstrap.h"

#include <gtest/gtest.h>

#include "api/containerd/bootstrap.pb.h"
#include "api/containerd/runc_options.pb.h"
#include "google/protobuf/any.pb.h"

namespace holdfast::containerd {
namespace {

Invocation OfTask() {
  Invocation invocation;
  invocation.name_space = "ns";
  invocation.id = "task";
  return invocation;
}

google::protobuf::Any Options() {
  ::containerd::runc::v1::Options options;
  options.set_shim_cgroup("/shims");
  google::protobuf::Any any;
  any.set_type_url("containerd.runc.v1.Options");
  any.set_value(options.SerializeAsString());
  return any;
}

::containerd::runtime::bootstrap::v1::BootstrapParams Params() {
  ::containerd::runtime::bootstrap::v1::BootstrapParams params;
  params.set_instance_id("task");
  params.set_namespace_("ns");
  params.set_ttrpc_address("/run/c.sock.ttrpc");
  return params;
}

TEST(Bootstrap, NothingIsTheDefaults) {
  const auto input = ParseStartInput(OfTask(), "");

  ASSERT_TRUE(input.ok()) << input.status();
  EXPECT_EQ(input->options.shim_cgroup, "");
  EXPECT_EQ(input->events_address, "");
}

TEST(Bootstrap, AnAnyIsTheOptions) {
  const auto input = ParseStartInput(OfTask(), Options().SerializeAsString());

  ASSERT_TRUE(input.ok()) << input.status();
  EXPECT_EQ(input->options.shim_cgroup, "/shims");
  EXPECT_EQ(input->events_address, "");
}

TEST(Bootstrap, ParametersHaveTheOptionsAmongTheirExtensions) {
  auto params = Params();
  params.add_extensions()->mutable_value()->set_type_url("somebody.elses");
  *params.add_extensions()->mutable_value() = Options();

  const auto input = ParseStartInput(OfTask(), params.SerializeAsString());

  ASSERT_TRUE(input.ok()) << input.status();
  EXPECT_EQ(input->options.shim_cgroup, "/shims");
  EXPECT_EQ(input->events_address, "/run/c.sock.ttrpc");
}

TEST(Bootstrap, ParametersWithoutOptionsAreTheDefaults) {
  const auto input = ParseStartInput(OfTask(), Params().SerializeAsString());

  ASSERT_TRUE(input.ok()) << input.status();
  EXPECT_EQ(input->options.shim_cgroup, "");
  EXPECT_EQ(input->events_address, "/run/c.sock.ttrpc");
}

TEST(Bootstrap, ParametersOfAnotherTaskAreNone) {
  Invocation other = OfTask();
  other.id = "other";

  const auto input = ParseStartInput(other, Params().SerializeAsString());

  EXPECT_FALSE(input.ok() && !input->events_address.empty());
}

TEST(Bootstrap, WhatIsNeitherIsRefused) {
  EXPECT_TRUE(absl::IsInvalidArgument(
      ParseStartInput(OfTask(), "\xff\xff\xff not a message").status()));
}

}  // namespace
}  // namespace holdfast::containerd
