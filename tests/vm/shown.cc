#include "tests/vm/shown.h"

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace holdfast::vm {
namespace {

std::set<std::string> UnacknowledgedUuids(const ExecutorFacts& facts) {
  std::set<std::string> uuids;
  for (const v1::StatusUpdate* update : facts.Unacknowledged()) {
    uuids.insert(update->uuid());
  }
  return uuids;
}

}  // namespace

absl::StatusOr<Shown> Shown::Parse(absl::string_view lines) {
  Shown shown;
  const size_t end = lines.rfind('\n');
  if (end == absl::string_view::npos) return shown;
  for (absl::string_view line : absl::StrSplit(lines.substr(0, end), '\n')) {
    const std::vector<std::string> words = absl::StrSplit(line, ' ');
    if (words.size() < 2) {
      return absl::InvalidArgumentError(absl::StrCat("what is: ", line));
    }
    Task& task = shown.tasks_[words[1]];
    if (words[0] == "launched" && words.size() == 2) {
      task.launched = true;
    } else if (words[0] == "shown" && words.size() == 3) {
      task.shown.push_back(words[2]);
    } else if (words[0] == "acknowledging" && words.size() == 3) {
      task.acknowledging.insert(words[2]);
    } else if (words[0] == "acknowledged" && words.size() == 3) {
      task.acknowledged.insert(words[2]);
    } else {
      return absl::InvalidArgumentError(absl::StrCat("what is: ", line));
    }
    ++shown.lines_;
  }
  return shown;
}

std::vector<std::string> Shown::Complaints(
    const std::map<std::string, const ExecutorFacts*>& on_disk) const {
  std::vector<std::string> complaints;
  for (const auto& [task_id, task] : tasks_) {
    const auto found = on_disk.find(task_id);
    Compare(task_id, task, found == on_disk.end() ? nullptr : found->second,
            complaints);
  }
  return complaints;
}

void Shown::Compare(const std::string& task_id, const Task& task,
                    const ExecutorFacts* facts,
                    std::vector<std::string>& complaints) {
  if (facts == nullptr) {
    complaints.push_back(absl::StrCat(task_id, " is not on the disk"));
    return;
  }
  if (task.launched && !facts->started) {
    complaints.push_back(
        absl::StrCat(task_id, " was launched, and its start is not known"));
  }
  const std::set<std::string> waiting = UnacknowledgedUuids(*facts);
  for (const std::string& uuid : task.shown) {
    const std::string update = absl::StrCat(task_id, "'s update ", uuid);
    const bool said = task.acknowledging.count(uuid) > 0;
    // An acknowledged one may be compacted away, but for the latest.
    const bool may_be_gone = said && uuid != task.shown.back();
    if (facts->FindUpdate(uuid) == nullptr && !may_be_gone) {
      complaints.push_back(absl::StrCat(update, " is lost"));
    } else if (!said && waiting.count(uuid) == 0) {
      complaints.push_back(
          absl::StrCat(update, " was never acknowledged, but will not come"));
    }
    if (task.acknowledged.count(uuid) > 0 && waiting.count(uuid) > 0) {
      complaints.push_back(
          absl::StrCat(update, " was acknowledged, and will come again"));
    }
  }
}

}  // namespace holdfast::vm
