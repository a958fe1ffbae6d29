#include "plugin/recovery/fsck.h"

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/errors.h"
#include "plugin/checkpoint/agent_store.h"
#include "plugin/recovery/checkpoint_scan.h"
#include "plugin/recovery/open_files.h"
#include "plugin/recovery/quarantine.h"
#include "shim/records/journal.h"

namespace holdfast {
namespace {

using Finding = v1::FsckReport::Finding;
using Owners = std::map<std::string, std::vector<FileOwner>>;

std::vector<std::string> ListOrNone(Files& files, const std::string& path) {
  return files.List(path).value_or(std::vector<std::string>());
}

std::string OwnerOf(const Owners& owners, const std::string& path) {
  const auto found = owners.find(path);
  if (found == owners.end()) return "a process that cannot be seen from here";
  std::string text;
  for (const FileOwner& owner : found->second) {
    absl::StrAppend(&text, text.empty() ? "" : ", ", owner.name, " (pid ",
                    owner.pid, ")");
  }
  return text;
}

// Nothing: nobody holds it, and now we do as long as the file is kept.
std::optional<std::string> Lock(Files& files, const std::string& path,
                                const Owners& owners,
                                std::vector<std::unique_ptr<File>>& held) {
  absl::StatusOr<std::unique_ptr<File>> file =
      files.Open(path, Files::Mode::kReadOnly);
  if (!file.ok()) return {};  // there is none, so nobody holds it
  const absl::Status locked = (*file)->TryLock();
  if (absl::IsUnavailable(locked)) {
    return absl::StrCat(OwnerOf(owners, path), " holds ", path);
  }
  held.push_back(*std::move(file));
  return {};
}

class Check {
 public:
  Check(Files& files, const Layout& layout) : files_(files), layout_(layout) {
    report_.set_work_dir(layout.work_dir);
    report_.set_runtime_dir(layout.runtime_dir);
  }

  absl::Status Read() {
    HOLDFAST_RETURN_IF_ERROR(files_.List(layout_.work_dir).status());
    HOLDFAST_ASSIGN_OR_RETURN(const std::vector<ScannedContainer> containers,
                              ScanCheckpointNow(files_, layout_));
    const AgentStore store = AgentStore::ForReading(files_, layout_);
    const absl::StatusOr<v1::AgentRecord> agent = store.LoadAgent();
    for (const Damage& damage : CheckpointDamage(store, agent, containers)) {
      AddDamage(damage);
    }
    for (const ScannedContainer& container : containers) Look(container);
    LookAtRecords(absl::IsNotFound(agent.status()));
    for (const bool checkpoint : {true, false}) LookAtLeftovers(checkpoint);
    for (const std::string& name : ListQuarantine(files_, layout_)) {
      Add(v1::FsckReport::QUARANTINED,
          absl::StrCat(layout_.Quarantine(), "/", name),
          "moved aside earlier; nothing of ours reads it",
          "look at it, and delete it when it is of no more use");
    }
    return absl::OkStatus();
  }

  void Repair() {
    report_.set_repair(true);
    if (!IsDamaged(report_)) return;
    Owners owners = OpenFilesBelow(layout_.work_dir);
    owners.merge(OpenFilesBelow(layout_.runtime_dir));
    std::vector<std::unique_ptr<File>> held;
    std::optional<std::string> refusal;
    for (const std::string& root : {layout_.work_dir, layout_.runtime_dir}) {
      if (!refusal) refusal = Lock(files_, root + "/lock", owners, held);
    }
    for (Finding& finding : *report_.mutable_findings()) {
      if (finding.kind() != v1::FsckReport::DAMAGE) continue;
      if (refusal) {
        finding.set_refusal(*refusal);
      } else {
        MoveAsideUnlessOwned(finding, owners);
      }
    }
  }

  v1::FsckReport Take() { return std::move(report_); }

 private:
  Finding& Add(v1::FsckReport::Kind kind, const std::string& file,
               const std::string& what, const std::string& cure) {
    Finding& finding = *report_.add_findings();
    finding.set_kind(kind);
    finding.set_file(file);
    finding.set_what(what);
    finding.set_cure(cure);
    return finding;
  }

  void AddDamage(const Damage& damage) {
    Finding& finding =
        Add(v1::FsckReport::DAMAGE, damage.file, damage.what, damage.cure);
    if (damage.offset_bytes) finding.set_offset_bytes(*damage.offset_bytes);
    finding.set_container_id(damage.container_id);
  }

  // What is no damage: see CheckpointDamage.
  void Look(const ScannedContainer& container) {
    const std::string& id = container.container_id;
    const std::string path = layout_.Journal(id, container.checkpoint);
    if (container.never_begun) {
      Add(v1::FsckReport::HARMLESS, layout_.Executor(id, container.checkpoint),
          "a launch that was broken off before its intent",
          "none needed: the next start removes it")
          .set_container_id(id);
    }
    if (!container.facts.ok()) {
      if (container.checkpoint) return;
      Add(v1::FsckReport::HARMLESS, path,
          std::string(container.facts.status().message()),
          "none needed: without a checkpoint it ends with its plugin, and the "
          "next start removes it")
          .set_container_id(id);
      return;
    }
    report_.set_journals(report_.journals() + 1);
    if (container.has_spare_name) {
      Add(v1::FsckReport::HARMLESS, layout_.Executor(id, true),
          absl::StrCat("a launch in a directory made ahead, not yet named ",
                       container.facts->intent.container_id()),
          "none needed: the launch, or the next start, gives it the name")
          .set_container_id(id);
    }
    const std::optional<size_t> torn_at = TornAt(path);
    if (!torn_at) return;
    Finding& finding = Add(v1::FsckReport::HARMLESS, path,
                           "a torn append, which was never promised to anyone",
                           "none needed: the next writer cuts it off");
    finding.set_offset_bytes(*torn_at);
    finding.set_container_id(id);
  }

  std::optional<size_t> TornAt(const std::string& path) {
    const auto file = files_.Open(path, Files::Mode::kReadOnly);
    // Where there is a writer, it may be just about to write it.
    if (!file.ok() || !(*file)->TryLock().ok()) return {};
    const absl::StatusOr<std::string> content = (*file)->ReadAll();
    if (!content.ok()) return {};
    const auto parsed = Journal::Parse(*content);
    if (!parsed.ok() || !parsed->torn) return {};
    return parsed->end;
  }

  void LookAtRecords(bool no_agent_record) {
    uint32_t records = no_agent_record ? 0 : 1;
    for (const std::string& directory :
         {layout_.Meta(), layout_.Frameworks()}) {
      for (const std::string& name : ListOrNone(files_, directory)) {
        if (absl::EndsWith(name, ".record") &&
            directory == layout_.Frameworks()) {
          ++records;
        }
        if (!absl::EndsWith(name, ".new")) continue;
        Add(v1::FsckReport::HARMLESS, absl::StrCat(directory, "/", name),
            "a replacement that was broken off; the record before it holds",
            "none needed: the next replacement removes it");
      }
    }
    report_.set_records(records);
  }

  void LookAtLeftovers(bool checkpoint) {
    const std::string executors = layout_.Executors(checkpoint);
    for (const std::string& name : ListOrNone(files_, executors)) {
      if (!absl::StartsWith(name, ".removing-")) continue;
      Add(v1::FsckReport::HARMLESS, absl::StrCat(executors, "/", name),
          "a removal that was broken off",
          "none needed: the next start finishes it");
    }
  }

  void MoveAsideUnlessOwned(Finding& finding, const Owners& owners) {
    const std::string& id = finding.container_id();
    std::string path = finding.file();
    std::string name = path.substr(path.rfind('/') + 1);
    if (absl::StartsWith(path, layout_.Frameworks() + "/")) {
      name = absl::StrCat("frameworks/", name);
    }
    std::vector<std::unique_ptr<File>> held;
    if (!id.empty()) {
      if (auto owner = Lock(files_, path, owners, held)) {
        return finding.set_refusal(*owner);
      }
      // A shim that was given another file meanwhile, or opened it by name.
      if (const auto owner = owners.find(path); owner != owners.end()) {
        return finding.set_refusal(
            absl::StrCat(OwnerOf(owners, path), " has ", path, " open"));
      }
      path = layout_.Executor(id, /*checkpoint=*/true);
      name = id;
    }
    const absl::StatusOr<std::string> moved =
        MoveAside(files_, layout_, path, name);
    if (moved.ok()) {
      finding.set_moved_to(*moved);
    } else {
      finding.set_refusal(std::string(moved.status().message()));
    }
  }

  Files& files_;
  const Layout& layout_;
  v1::FsckReport report_;
};

}  // namespace

bool IsDamaged(const v1::FsckReport& report) {
  for (const Finding& finding : report.findings()) {
    if (finding.kind() == v1::FsckReport::DAMAGE &&
        finding.moved_to().empty()) {
      return true;
    }
  }
  return false;
}

absl::StatusOr<v1::FsckReport> CheckAll(Files& files, const Layout& layout,
                                        bool repair) {
  Check check(files, layout);
  HOLDFAST_RETURN_IF_ERROR(check.Read());
  if (repair) check.Repair();
  return check.Take();
}

}  // namespace holdfast
