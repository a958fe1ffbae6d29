// What containerd runs our shim's program for, beside the server: what is
// printed, and what is left when it goes wrong.
#include <signal.h>
#include <sys/mount.h>
#include <unistd.h>

#include <filesystem>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "api/containerd/bootstrap.pb.h"
#include "api/containerd/runc_options.pb.h"
#include "base/files.h"
#include "cgroups/mountinfo.h"
#include "google/protobuf/any.pb.h"
#include "google/protobuf/empty.pb.h"
#include "shim/bundle/executor_journal.h"
#include "tests/containerd/command.h"
#include "tests/containerd/leftovers.h"
#include "tests/containerd/script.h"
#include "tests/integration/process_watch.h"

namespace holdfast::containerd {
namespace {

std::string V1Hierarchy(const std::string& controller) {
  const std::string text =
      ReadSmallFile("/proc/self/mountinfo").value_or(std::string());
  for (const CgroupMount& mount : ParseCgroupMounts(text)) {
    if (!mount.is_v2 && mount.HasOption(controller)) return mount.path;
  }
  return "";
}

// What containerd hands to `start`.
std::string WithShimCgroup(const std::string& cgroup) {
  ::containerd::runc::v1::Options options;
  options.set_shim_cgroup(cgroup);
  google::protobuf::Any any;
  any.set_type_url("containerd.runc.v1.Options");
  any.set_value(options.SerializeAsString());
  return any.SerializeAsString();
}

class CommandsTest : public ScriptTest {
 protected:
  void SetUp() override {
    ShimTest::SetUp();
    if (IsSkipped()) return;
    if (!OurShim().IsThere()) GTEST_SKIP() << "this build has no shim of ours";
    MakeBundleOf("c1");
  }

  // In a shim that this starts: client()'s. The pid of its init.
  pid_t Create(const std::string& id) { return Create(Request(id)); }
  pid_t Create(const task::CreateTaskRequest& request) {
    caller_ = StartShim(OurShim(), request.id());
    if (caller_ == nullptr) return 0;
    client_.emplace(*caller_);
    const auto created =
        client_->Call<task::CreateTaskResponse>("Create", request);
    EXPECT_TRUE(created.ok()) << created.status();
    return created.ok() ? static_cast<pid_t>(created->pid()) : 0;
  }
  TaskClient& client() { return *client_; }
  // As containerd does; the shim ends when nothing is left in it.
  void RemoveTask(const std::string& id) {
    task::KillRequest kill;
    kill.set_id(id);
    kill.set_signal(SIGKILL);
    EXPECT_TRUE(client_->Call<google::protobuf::Empty>("Kill", kill).ok());
    task::WaitRequest wait;
    wait.set_id(id);
    EXPECT_TRUE(client_->Call<task::WaitResponse>("Wait", wait).ok());
    task::DeleteRequest remove;
    remove.set_id(id);
    EXPECT_TRUE(client_->Call<task::DeleteResponse>("Delete", remove).ok());
    (void)client_->Call<google::protobuf::Empty>("Shutdown",
                                                 task::ShutdownRequest());
  }
  task::DeleteResponse DeleteByCommand(const std::string& id) {
    const CommandResult result = RunShim(OurShim(), id, "delete");
    EXPECT_EQ(result.exit_code, 0) << result.err;
    task::DeleteResponse response;
    EXPECT_TRUE(response.ParseFromString(result.out));
    return response;
  }
  std::string JournalOf(const std::string& id) const {
    for (const std::string& file : FilesBelow(holdfast_directory())) {
      if (absl::EndsWith(file, absl::StrCat("/", id, "/journal"))) return file;
    }
    ADD_FAILURE() << id << " has no journal";
    return "";
  }

 private:
  std::unique_ptr<TtrpcCaller> caller_;
  std::optional<TaskClient> client_;
};

TEST_F(CommandsTest, VersionIsPrinted) {
  const CommandResult version = RunShim(OurShim(), "c1", "-v");

  EXPECT_EQ(version.exit_code, 0);
  EXPECT_TRUE(absl::StrContains(version.out, "Version:")) << version.out;
}

TEST_F(CommandsTest, InfoTellsTheRuntimesFeatures) {
  const CommandResult result = RunShim(OurShim(), "c1", "-info");

  ASSERT_EQ(result.exit_code, 0) << result.err;
  ::containerd::runtime::bootstrap::v1::RuntimeInfo info;
  ASSERT_TRUE(info.ParseFromString(result.out));
  EXPECT_EQ(info.name(), "io.containerd.holdfast.v2");
  EXPECT_TRUE(absl::EndsWith(info.features().type_url(), "Features"));
  EXPECT_TRUE(absl::StrContains(info.features().value(), "ociVersion"));
}

TEST_F(CommandsTest, AnUnknownActionIsRefusedByName) {
  const CommandResult result = RunShim(OurShim(), "c1", "restart");

  EXPECT_NE(result.exit_code, 0);
  EXPECT_TRUE(absl::StrContains(result.err, "\"restart\"")) << result.err;
}

TEST_F(CommandsTest, StartWithoutASpecNamesTheFile) {
  std::filesystem::remove(BundleOf("c1") + "/config.json");

  const CommandResult result = RunShim(OurShim(), "c1", "start");

  EXPECT_NE(result.exit_code, 0);
  EXPECT_TRUE(absl::StrContains(result.err, "config.json")) << result.err;
}

// Those with numbers beyond 127 are no valid text of another message.
TEST_F(CommandsTest, StartPrintsTheAddressAloneWhateverTheOptionsAre) {
  ::containerd::runc::v1::Options options;
  options.set_io_uid(1000);
  options.set_io_gid(2000);
  google::protobuf::Any any;
  any.set_type_url("containerd.runc.v1.Options");
  any.set_value(options.SerializeAsString());

  const auto caller = StartShim(OurShim(), "c1", any.SerializeAsString());

  ASSERT_NE(caller, nullptr);
  task::ShutdownRequest shutdown;
  shutdown.set_id("c1");
  (void)TaskClient(*caller).Call<google::protobuf::Empty>("Shutdown", shutdown);
}

// Whoever makes the group for it removes it again, and knows of no other.
TEST_F(CommandsTest, ShimCgroupBesideV1IsJoinedWhereItIsAndMadeNowhere) {
  const std::string memory = V1Hierarchy("memory");
  if (memory.empty()) GTEST_SKIP() << "this machine has cgroup v2 alone";
  const std::string name = unique() + "-shims";
  const std::string group = memory + "/" + name;
  ASSERT_TRUE(std::filesystem::create_directory(group));

  const auto caller = StartShim(OurShim(), "c1", WithShimCgroup("/" + name));

  EXPECT_EQ(CgroupsNamed(name), std::vector<std::string>{group});
  EXPECT_EQ(ReadSmallFile(group + "/cgroup.procs").value_or(""),
            absl::StrCat(absl::StrJoin(ShimPids(), "\n"), "\n"));
  ASSERT_NE(caller, nullptr);
  (void)TaskClient(*caller).Call<google::protobuf::Empty>(
      "Shutdown", task::ShutdownRequest());
  EXPECT_TRUE(Eventually([&] { return rmdir(group.c_str()) == 0; }));
}

TEST_F(CommandsTest, ShimCgroupThatIsNowhereBesideV1IsRefusedByName) {
  if (V1Hierarchy("memory").empty())
    GTEST_SKIP() << "this machine has cgroup v2 alone";
  const std::string name = unique() + "-shims";

  const CommandResult result =
      RunShim(OurShim(), "c1", "start", WithShimCgroup("/" + name));

  EXPECT_NE(result.exit_code, 0);
  EXPECT_TRUE(absl::StrContains(result.err, name)) << result.err;
  EXPECT_TRUE(CgroupsNamed(name).empty());
  EXPECT_TRUE(ShimPids().empty());
}

TEST_F(CommandsTest, StartThatCannotWriteTheAddressLeavesNoShim) {
  std::filesystem::create_directory(BundleOf("c1") + "/.address");

  const CommandResult result = RunShim(OurShim(), "c1", "start");

  EXPECT_NE(result.exit_code, 0);
  EXPECT_TRUE(absl::StrContains(result.err, "address")) << result.err;
  EXPECT_TRUE(ShimPids().empty());
  EXPECT_TRUE(FilesBelow(holdfast_directory()).empty());
}

// 1.6 keeps its connection for ever to a shim that has nothing when it is
// started again.
TEST_F(CommandsTest, AShimThatADaemonFindsEmptyEndsUnlessATaskComes) {
  MakeBundleOf("c2");
  const std::unique_ptr<TtrpcCaller> one = StartShim(OurShim(), "c1");
  const std::unique_ptr<TtrpcCaller> other = StartShim(OurShim(), "c2");
  ASSERT_TRUE(one != nullptr && other != nullptr);
  TaskClient used(*one);
  for (TtrpcCaller* caller : {one.get(), other.get()}) {
    task::ConnectRequest connect;
    connect.set_id(caller == one.get() ? "c1" : "c2");
    EXPECT_TRUE(TaskClient(*caller)
                    .Call<task::ConnectResponse>("Connect", connect)
                    .ok());
  }
  EXPECT_TRUE(
      used.Call<task::CreateTaskResponse>("Create", Request("c1")).ok());

  // However often it is asked meanwhile.
  task::ConnectRequest again;
  again.set_id("c2");
  EXPECT_TRUE(Eventually(
      [&] {
        (void)TaskClient(*other).Call<task::ConnectResponse>("Connect", again);
        return ShimPids().size() == 1;
      },
      absl::Seconds(30)));

  task::DeleteRequest remove;
  remove.set_id("c1");
  EXPECT_TRUE(used.Call<task::DeleteResponse>("Delete", remove).ok());
  (void)used.Call<google::protobuf::Empty>("Shutdown", task::ShutdownRequest());
}

TEST_F(CommandsTest, DeleteOfATaskThatNeverWasIsAnswered) {
  const CommandResult result = RunShim(OurShim(), "c1", "delete");

  EXPECT_EQ(result.exit_code, 0) << result.err;
  task::DeleteResponse response;
  ASSERT_TRUE(response.ParseFromString(result.out));
  EXPECT_EQ(response.exit_status(), 255U);
  EXPECT_TRUE(response.has_exited_at());
}

TEST_F(CommandsTest, DeleteOfOneThatEndedWithNobodyThereSaysUnknown) {
  const pid_t pid = Create("c1");
  const ProcessWatch init(pid);
  KillAll(ShimPids());
  init.Kill(SIGKILL);
  EXPECT_TRUE(Eventually([&] { return !init.Runs(); }));

  const task::DeleteResponse end = DeleteByCommand("c1");

  EXPECT_EQ(end.exit_status(), 255U);
  EXPECT_EQ(end.pid(), static_cast<uint32_t>(pid));
}

TEST_F(CommandsTest, DeleteEndsWhatItsRuntimeCannotEnd) {
  const std::string runtime = Scratch("runtime");
  std::filesystem::create_symlink(OciRuntimePath("runc"), runtime);
  const ProcessWatch init(Create(RequestWithRuntime("c1", runtime)));
  KillAll(ShimPids());
  std::filesystem::remove(runtime);

  EXPECT_EQ(DeleteByCommand("c1").exit_status(), 128U + SIGKILL);

  EXPECT_TRUE(Eventually([&] { return !init.Runs(); }));
  RunCommand({OciRuntimePath("runc"), "--root",
              absl::StrCat(runtime_root(), "/", unique()), "delete", "--force",
              "c1"});
}

TEST_F(CommandsTest, DeleteOfOneWhoseEndWasSeenSaysHowAndWhen) {
  const ProcessWatch init(Create("c1"));
  init.Kill(SIGKILL);
  task::WaitRequest wait;
  wait.set_id("c1");
  const auto waited = client().Call<task::WaitResponse>("Wait", wait);
  ASSERT_TRUE(waited.ok()) << waited.status();
  KillAll(ShimPids());

  const task::DeleteResponse end = DeleteByCommand("c1");

  EXPECT_EQ(end.exit_status(), 128U + SIGKILL);
  EXPECT_EQ(end.exited_at().seconds(), waited->exited_at().seconds());
  EXPECT_EQ(end.exited_at().nanos(), waited->exited_at().nanos());
}

// As a sandbox's is; its others live on.
TEST_F(CommandsTest, DeleteOfWhoseIdIsItsGroupsLeavesTheGroupItsShim) {
  for (const char* id : {"pod", "in-1", "in-2"}) {
    MakeBundleOf(id, {.annotations = {{"io.containerd.runc.v2.group", "pod"}}});
  }
  Create("pod");
  const std::string address = RunShim(OurShim(), "in-1", "start").out;
  const auto second =
      client().Call<task::CreateTaskResponse>("Create", Request("in-1"));
  ASSERT_TRUE(second.ok()) << second.status();
  RemoveTask("pod");

  EXPECT_EQ(DeleteByCommand("pod").exit_status(), 255U);

  EXPECT_EQ(ShimPids().size(), 1U);
  EXPECT_EQ(RunShim(OurShim(), "in-2", "start").out, address);
  EXPECT_TRUE(TtrpcCaller::Connect(AddressIn(address)).ok());
  RemoveTask("in-1");
}

TEST_F(CommandsTest, AGroupWhoseNameIsAPathIsRefused) {
  MakeBundleOf("c2", {.annotations = {{"io.containerd.runc.v2.group", ".."}}});

  const CommandResult result = RunShim(OurShim(), "c2", "start");

  EXPECT_NE(result.exit_code, 0);
  EXPECT_TRUE(absl::StrContains(result.err, "the group \"..\"")) << result.err;
  EXPECT_TRUE(ShimPids().empty());
}

TEST_F(CommandsTest, StartIsTheEndOfWhatAFormerBootLeft) {
  Create("c1");
  const std::string kept = JournalOf("c1");
  const std::string former = absl::StrReplaceAll(kept, {{"/c1/", "/old/"}});
  std::filesystem::create_directory(
      std::filesystem::path(former).parent_path());
  v1::Intent intent;
  intent.set_container_id("old");
  intent.set_boot_id("another");
  ASSERT_TRUE(
      ExecutorJournal::Create(SystemFiles(), former, std::move(intent)).ok());
  MakeBundleOf("c2");
  StartShim(OurShim(), "c2");
  EXPECT_TRUE(std::filesystem::exists(former)) << "not the first of this boot";

  KillAll(ShimPids());
  std::filesystem::remove_all(holdfast_directory() + "/run");
  MakeBundleOf("c3");
  const auto third = StartShim(OurShim(), "c3");

  EXPECT_FALSE(std::filesystem::exists(former));
  EXPECT_TRUE(std::filesystem::exists(kept));
  KillAll(ShimPids());
  for (const char* id : {"c1", "c2", "c3"}) DeleteByCommand(id);
}

// With a runtime's root that it cannot know from the journal: the usual one.
TEST_F(CommandsTest, DeleteRemovesAContainerWhoseJournalIsDamaged) {
  std::unique_ptr<TtrpcCaller> caller = StartShim(OurShim(), "c1");
  ASSERT_NE(caller, nullptr);
  TaskClient client(*caller);
  task::CreateTaskRequest create = Request("c1");
  create.clear_options();
  const auto created = client.Call<task::CreateTaskResponse>("Create", create);
  ASSERT_TRUE(created.ok()) << created.status();
  const ProcessWatch init(static_cast<pid_t>(created->pid()));
  KillAll(ShimPids());
  for (const std::string& file : FilesBelow(holdfast_directory())) {
    if (!absl::EndsWith(file, "/journal")) continue;
    ASSERT_TRUE(ReplaceFile(SystemFiles(), file, "no journal at all").ok());
  }
  EXPECT_TRUE(init.Runs());

  const CommandResult result = RunShim(OurShim(), "c1", "delete");

  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_TRUE(absl::StrContains(result.err, "journal")) << result.err;
  EXPECT_FALSE(init.Runs());
  std::filesystem::remove("/run/containerd/runc/" + unique());
}

TEST_F(CommandsTest, ACreateOnAFullDiskSaysSoAndLeavesNothing) {
  const std::string disk = holdfast_directory() + "/lib";
  std::filesystem::create_directories(disk);
  ASSERT_EQ(mount("small", disk.c_str(), "tmpfs", 0, "size=4k"), 0);
  const std::unique_ptr<TtrpcCaller> caller = StartShim(OurShim(), "c1");
  ASSERT_NE(caller, nullptr);
  TaskClient client(*caller);

  const auto created =
      client.Call<task::CreateTaskResponse>("Create", Request("c1"));

  EXPECT_TRUE(absl::IsResourceExhausted(created.status())) << created.status();
  EXPECT_TRUE(
      absl::StrContains(created.status().message(), "No space left on device"))
      << created.status();
  for (const auto& left : std::filesystem::recursive_directory_iterator(disk)) {
    EXPECT_NE(left.path().filename(), "c1") << left.path();
  }
  EXPECT_TRUE(MountsBelow(BundleOf("c1")).empty());
  ASSERT_EQ(umount(disk.c_str()), 0);
  // The next one has a disk.
  EXPECT_TRUE(
      client.Call<task::CreateTaskResponse>("Create", Request("c1")).ok());
  task::DeleteRequest remove;
  remove.set_id("c1");
  EXPECT_TRUE(client.Call<task::DeleteResponse>("Delete", remove).ok());
  (void)client.Call<google::protobuf::Empty>("Shutdown",
                                             task::ShutdownRequest());
}

}  // namespace
}  // namespace holdfast::containerd
