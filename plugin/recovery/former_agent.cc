#include "plugin/recovery/former_agent.h"

#include <algorithm>
#include <vector>

#include "api/time_convert.h"
#include "plugin/checkpoint/executor_list.h"
#include "shim/bundle/executor_journal.h"

namespace holdfast {
namespace {

std::vector<std::string> NamesOf(Files& files, const Layout& layout,
                                 bool checkpoint) {
  return ListExecutors(files, layout, checkpoint)
      .value_or(std::vector<std::string>());
}

}  // namespace

std::string AgentIdOfExecutors(Files& files, const Layout& layout) {
  std::string agent_id;
  absl::Time newest = absl::InfinitePast();
  for (const std::string& name : NamesOf(files, layout, true)) {
    const absl::StatusOr<ExecutorFacts> facts =
        ExecutorJournal::Peek(files, layout.Journal(name, true));
    if (!facts.ok() || FromProto(facts->intent.time()) < newest) continue;
    newest = FromProto(facts->intent.time());
    agent_id = facts->intent.agent_id();
  }
  return agent_id;
}

bool MayAnyExecutorLive(Files& files, const Layout& layout,
                        const std::string& boot_id) {
  const std::vector<std::string> names = NamesOf(files, layout, true);
  return std::any_of(names.begin(), names.end(), [&](const std::string& name) {
    const absl::StatusOr<ExecutorFacts> facts =
        ExecutorJournal::Peek(files, layout.Journal(name, true));
    if (absl::IsNotFound(facts.status())) return false;  // never begun
    if (!facts.ok()) return true;
    const std::string& its_boot =
        facts->started ? facts->started->boot_id() : facts->intent.boot_id();
    return !facts->exited && its_boot == boot_id;
  });
}

bool HasCheckpoint(Files& files, const Layout& layout) {
  return files.Open(layout.AgentRecord(), Files::Mode::kReadOnly).ok() ||
         !NamesOf(files, layout, true).empty() ||
         !NamesOf(files, layout, false).empty();
}

}  // namespace holdfast
