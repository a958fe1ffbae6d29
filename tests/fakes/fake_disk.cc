#include "tests/fakes/fake_disk.h"

#include <algorithm>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace holdfast {
namespace {

absl::Status Dead() { return absl::UnavailableError("dead"); }

absl::Status NoEntry(absl::string_view call, absl::string_view path) {
  return absl::NotFoundError(
      absl::StrCat(call, " ", path, ": No such file or directory"));
}

void Overwrite(std::string& content, size_t offset, absl::string_view bytes) {
  if (bytes.empty()) return;
  content.resize(std::max(content.size(), offset + bytes.size()));
  std::copy(bytes.begin(), bytes.end(), content.begin() + offset);
}

// Writes those sectors of `bytes` that `tear` keeps; sectors are the disk's.
void OverwriteTorn(std::string& content, size_t offset, absl::string_view bytes,
                   const Tear& tear) {
  const size_t end = offset + bytes.size();
  const size_t first_sector = offset / FakeDisk::kSectorBytes;
  const size_t sectors =
      (end + FakeDisk::kSectorBytes - 1) / FakeDisk::kSectorBytes -
      first_sector;
  for (size_t i = 0; i < sectors; ++i) {
    if (i >= tear.first && sectors - i > tear.last) continue;
    const size_t from =
        std::max(offset, (first_sector + i) * FakeDisk::kSectorBytes);
    const size_t to =
        std::min(end, (first_sector + i + 1) * FakeDisk::kSectorBytes);
    Overwrite(content, from, bytes.substr(from - offset, to - from));
  }
}

}  // namespace

// What is below the directory `from` is below `to` from now on.
void FakeDisk::MoveBelow(Names& names, const std::string& from,
                         const std::string& to) {
  const std::string prefix = from + "/";
  Names moved;
  for (auto at = names.lower_bound(prefix);
       at != names.end() && absl::StartsWith(at->first, prefix);) {
    moved[to + at->first.substr(from.size())] = at->second;
    at = names.erase(at);
  }
  names.merge(moved);
}

class FakeDisk::Handle : public File {
 public:
  Handle(FakeDisk& disk, std::shared_ptr<Node> node, bool writable)
      : disk_(disk),
        node_(std::move(node)),
        writable_(writable),
        process_(disk.process_) {}
  ~Handle() override {
    if (node_->locked_by == this) node_->locked_by = nullptr;
  }

  absl::StatusOr<std::string> ReadAll() override {
    const Fate fate = disk_.NextOperation(process_);
    if (!fate.status.ok()) return fate.status;
    return node_->content;
  }

  absl::Status WriteAt(uint64_t offset, absl::string_view bytes) override {
    const Fate fate = disk_.NextOperation(process_);
    if (!writable_) return absl::PermissionDeniedError("opened for reading");
    if (fate.torn) {
      OverwriteTorn(node_->content, offset, bytes, disk_.tear_);
    } else if (fate.takes_effect) {
      Overwrite(node_->content, offset, bytes);
    }
    return fate.status;
  }

  absl::Status TryLock() override {
    const Fate fate = disk_.NextOperation(process_);
    if (!fate.status.ok()) return fate.status;
    if (node_->locked_by != nullptr && node_->locked_by != this) {
      return absl::UnavailableError("lock: held");
    }
    node_->locked_by = this;
    return absl::OkStatus();
  }

  absl::StatusOr<bool> IsStillAt(const std::string& path) override {
    const Fate fate = disk_.NextOperation(process_);
    if (!fate.status.ok()) return fate.status;
    const auto found = disk_.names_.find(path);
    return found != disk_.names_.end() && found->second == node_;
  }

  int fd() const override { return -1; }

 private:
  FakeDisk& disk_;
  const std::shared_ptr<Node> node_;
  const bool writable_;
  const int process_;
};

FakeDisk::Fate FakeDisk::NextOperation(int process) {
  if (dead_ || process != process_) {
    return {.status = Dead(), .takes_effect = false};
  }
  const int operation = operations_++;
  if (operation == die_at_) {
    dead_ = died_ = true;
    return {.status = Dead(), .takes_effect = tear_.IsWhole(), .torn = true};
  }
  if (auto failure = failures_.extract(operation); !failure.empty()) {
    return {.status = failure.mapped(), .takes_effect = false};
  }
  return {};
}

void FakeDisk::RestartProcess() {
  ++process_;
  dead_ = false;
  die_at_ = kNever;
  for (const Names* names : {&names_, &synced_names_}) {
    for (const auto& [path, node] : *names) node->locked_by = nullptr;
  }
}

void FakeDisk::DropUnsynced() {
  names_ = synced_names_;
  RestartProcess();
}

void FakeDisk::KeepUnsynced() {
  synced_names_ = names_;
  RestartProcess();
}

void FakeDisk::FailAt(int operation, absl::Status status) {
  failures_[operation] = std::move(status);
}

void FakeDisk::DieAt(int operation, Tear tear) {
  die_at_ = operation;
  tear_ = tear;
}

std::string FakeDisk::Content(const std::string& path) const {
  return names_.at(path)->content;
}

void FakeDisk::SetContent(const std::string& path, std::string content) {
  std::shared_ptr<Node>& node = names_[path];
  if (node == nullptr) node = std::make_shared<Node>();
  node->content = std::move(content);
  synced_names_[path] = node;
}

absl::StatusOr<std::unique_ptr<File>> FakeDisk::Open(const std::string& path,
                                                     Mode mode) {
  const Fate fate = NextOperation(process_);
  const auto found = names_.find(path);
  if (mode == Mode::kCreate && found == names_.end() && fate.takes_effect) {
    names_[path] = std::make_shared<Node>();
  }
  if (!fate.status.ok()) return fate.status;
  if (mode == Mode::kCreate && found != names_.end()) {
    return absl::AlreadyExistsError(absl::StrCat("open ", path, ": exists"));
  }
  if (mode != Mode::kCreate && found == names_.end()) {
    return NoEntry("open", path);
  }
  return std::make_unique<Handle>(*this, names_[path], mode != Mode::kReadOnly);
}

absl::Status FakeDisk::Rename(const std::string& from, const std::string& to) {
  const Fate fate = NextOperation(process_);
  if (!fate.takes_effect) return fate.status;
  auto entry = names_.extract(from);
  if (entry.empty()) return NoEntry("rename", from);
  names_[to] = entry.mapped();
  MoveBelow(names_, from, to);
  return fate.status;
}

absl::Status FakeDisk::Remove(const std::string& path) {
  const Fate fate = NextOperation(process_);
  if (!fate.takes_effect) return fate.status;
  if (names_.erase(path) == 0) return NoEntry("remove", path);
  return fate.status;
}

absl::Status FakeDisk::SyncDirectory(const std::string& path) {
  const Fate fate = NextOperation(process_);
  if (!fate.takes_effect) return fate.status;
  const std::string entry = absl::EndsWith(path, "/") ? path : path + "/";
  const auto is_here = [&](const auto& name) {
    return DirectoryOf(name.first) == (path == "." ? path : entry);
  };
  // A directory that was renamed takes what was synced in it along.
  const Names before = synced_names_;
  for (const auto& [was, node] : before) {
    if (!node->directory) continue;
    for (const auto& [name, now] : names_) {
      if (now != node || name == was || DirectoryOf(name) != entry) continue;
      MoveBelow(synced_names_, was, name);
    }
  }
  std::erase_if(synced_names_, is_here);
  std::copy_if(names_.begin(), names_.end(),
               std::inserter(synced_names_, synced_names_.end()), is_here);
  return fate.status;
}

absl::Status FakeDisk::MakeDirectory(const std::string& path, mode_t /*mode*/) {
  const Fate fate = NextOperation(process_);
  if (!fate.takes_effect) return fate.status;
  std::shared_ptr<Node>& node = names_[path];
  if (node == nullptr) {
    node = std::make_shared<Node>();
    node->directory = true;
  }
  if (!node->directory) {
    return absl::FailedPreconditionError(
        absl::StrCat("mkdir ", path, ": Not a directory"));
  }
  return fate.status;
}

absl::StatusOr<std::vector<std::string>> FakeDisk::List(
    const std::string& path) {
  const Fate fate = NextOperation(process_);
  if (!fate.status.ok()) return fate.status;
  const std::string prefix = absl::EndsWith(path, "/") ? path : path + "/";
  std::vector<std::string> names;
  for (const auto& [name, node] : names_) {
    if (DirectoryOf(name) != prefix) continue;
    names.push_back(name.substr(prefix.size()));
  }
  return names;
}

}  // namespace holdfast
