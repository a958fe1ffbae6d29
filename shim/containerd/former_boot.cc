#include "shim/containerd/former_boot.h"

#include <string>

#include "base/boot_id.h"
#include "base/files.h"
#include "base/log.h"
#include "shim/bundle/executor_journal.h"

namespace holdfast::containerd {

void RemoveTasksOfFormerBoots(const Places& places) {
  const auto boot_id = ReadBootId();
  const auto names = SystemFiles().List(places.tasks);
  if (!boot_id.ok() || !names.ok()) return;
  for (const std::string& name : *names) {
    const std::string directory = places.TaskDirectory(name);
    const auto facts =
        ExecutorJournal::Peek(SystemFiles(), directory + "/journal");
    if (!facts.ok()) continue;
    const std::string& then = facts->intent.boot_id();
    if (then.empty() || then == *boot_id) continue;
    if (absl::Status gone = RemoveTree(directory); !gone.ok()) {
      Log(Severity::kWarning, gone.ToString(), {{"id", name}});
    }
  }
}

}  // namespace holdfast::containerd
