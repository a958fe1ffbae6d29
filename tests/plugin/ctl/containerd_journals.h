#pragma once

#include <sys/stat.h>
#include <unistd.h>

#include <fstream>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "api/time_convert.h"
#include "base/boot_id.h"
#include "base/files.h"
#include "base/pidfd.h"
#include "gtest/gtest.h"
#include "shim/bundle/executor_journal.h"
#include "tests/fakes/temporary_directory.h"

namespace holdfast::ctl {

// A work_dir with tasks of containerds' in it, as their shims write them. This
// process plays all the shims: it has the journals open, and is the container's
// init too.
class ContainerdJournals {
 public:
  struct Name {
    std::string id;
    std::string name_space = "default";
    std::string address = "/run/containerd/containerd.sock";
    auto operator<=>(const Name&) const = default;
  };

  ContainerdJournals() {
    Make("containerd");
    Make("bundles");
  }

  const std::string& work_dir() const { return work_dir_.path(); }
  std::string Directory(const Name& name) const {
    return absl::StrCat(work_dir_ / "containerd/", DaemonOf(name), "/",
                        name.name_space, "/", name.id);
  }
  std::string Bundle(const Name& name) const {
    return work_dir_ / ("bundles/" + name.id);
  }

  // Create was asked for, and its process is yet to be made.
  void Begin(const Name& name) {
    Make("containerd/" + DaemonOf(name));
    Make(absl::StrCat("containerd/", DaemonOf(name), "/", name.name_space));
    ASSERT_EQ(mkdir(Directory(name).c_str(), 0711), 0);
    v1::Intent intent;
    intent.set_container_id(name.id);
    intent.set_agent_id(name.address);
    intent.set_framework_id(name.name_space);
    intent.set_executor_id(name.id);
    intent.set_checkpoint(true);
    intent.mutable_task()->set_task_id(name.id);
    *intent.mutable_time() = ToProto(Now());
    intent.set_boot_id(boot_id);
    v1::ContainerdTask& said = *intent.mutable_containerd();
    said.set_namespace_(name.name_space);
    said.set_address(name.address);
    said.set_bundle(Bundle(name));
    said.set_stdout("/run/fifos/" + name.id + "-stdout");
    said.set_stderr("/run/fifos/" + name.id + "-stderr");
    auto journal = ExecutorJournal::Create(
        SystemFiles(), Directory(name) + "/journal", intent);
    ASSERT_TRUE(journal.ok()) << journal.status();
    journals_.emplace(name, *std::move(journal));
  }

  // The runtime has made its process.
  void Create(const Name& name) {
    Begin(name);
    v1::JournalRecord record;
    v1::Started& started = *record.mutable_started();
    started.set_pid(getpid());
    started.set_start_ticks(start_ticks);
    started.set_boot_id(boot_id);
    started.set_shim_pid(getpid());
    *started.mutable_time() = ToProto(Now());
    Record(name, {record});
  }

  void Run(const Name& name) {
    Create(name);
    Record(name, {Update(name, v1::TASK_RUNNING)});
  }

  // One that runs ends with this code.
  void End(const Name& name, int exit_code) {
    v1::JournalRecord exited;
    exited.mutable_exited()->set_exit_code(exit_code);
    *exited.mutable_exited()->mutable_time() = ToProto(Now());
    v1::JournalRecord update =
        Update(name, exit_code == 0 ? v1::TASK_FINISHED : v1::TASK_FAILED);
    update.mutable_update()->mutable_status()->set_exit_code(exit_code);
    Record(name, {exited, update});
  }

  // Its shim has died: nobody has its journal open.
  void KillShim(const Name& name) { journals_.erase(name); }

  void Write(const std::string& path, const std::string& content) {
    std::ofstream(path) << content;
  }
  // What the task wrote, and nobody has read; `stream`: "stdout", "stderr".
  void Spool(const Name& name, const std::string& stream,
             const std::string& content) {
    Write(absl::StrCat(Directory(name), "/", stream, ".spool"), content);
  }
  void Damage(const Name& name) {
    KillShim(name);
    Write(Directory(name) + "/journal", "these are no records");
  }

  // Of what is written from now on: of this process, unless it is set.
  std::string boot_id = ReadBootId().value();
  uint64_t start_ticks = ReadStartTicks(getpid()).value();

 private:
  static std::string DaemonOf(const Name& name) {
    return absl::StrReplaceAll(name.address.substr(1), {{"/", "-"}});
  }
  absl::Time Now() { return absl::FromUnixSeconds(1'800'000'000 + seconds_++); }
  void Make(const std::string& directory) {
    (void)mkdir((work_dir_ / directory).c_str(), 0711);  // may be there
  }

  v1::JournalRecord Update(const Name& name, v1::TaskState state) {
    v1::JournalRecord record;
    v1::StatusUpdate update;
    update.mutable_status()->set_task_id(name.id);
    update.mutable_status()->set_state(state);
    *update.mutable_status()->mutable_timestamp() = ToProto(Now());
    *record.mutable_update() = journals_.at(name).Complete(std::move(update));
    return record;
  }
  void Record(const Name& name, const std::vector<v1::JournalRecord>& records) {
    const absl::Status recorded = journals_.at(name).Record(records);
    ASSERT_TRUE(recorded.ok()) << recorded;
  }

  const TemporaryDirectory work_dir_;
  std::map<Name, ExecutorJournal> journals_;
  int seconds_ = 0;
};

}  // namespace holdfast::ctl
