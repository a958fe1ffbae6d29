#include "plugin/rows/timeline.h"

#include <algorithm>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "api/time_convert.h"
#include "shim/bundle/lease.h"

namespace holdfast {
namespace {

using Event = v1::TimelineEvent;

std::string Seconds(absl::Duration duration) {
  return absl::FormatDuration(absl::Trunc(duration, absl::Milliseconds(1)));
}

// Gathers events in the order in which they were caused. One without a time
// (in a journal from before there were any) stays behind what it followed.
class Gathering {
 public:
  Event& Add(Event::Kind kind, absl::Time time, std::string message) {
    Dated& dated = events_.emplace_back();
    dated.event.set_kind(kind);
    dated.event.set_message(std::move(message));
    if (time != absl::InfinitePast()) {
      *dated.event.mutable_time() = ToProto(time);
    }
    latest_ = std::max(latest_, time);
    dated.order = time == absl::InfinitePast() ? latest_ : time;
    return dated.event;
  }
  template <typename Record>
  Event& AddRecord(Event::Kind kind, const Record& record,
                   std::string message) {
    return Add(
        kind,
        record.has_time() ? FromProto(record.time()) : absl::InfinitePast(),
        std::move(message));
  }

  std::vector<Event> InOrder() {
    std::stable_sort(
        events_.begin(), events_.end(),
        [](const Dated& a, const Dated& b) { return a.order < b.order; });
    std::vector<Event> events;
    for (Dated& dated : events_) events.push_back(std::move(dated.event));
    return events;
  }

 private:
  struct Dated {
    absl::Time order;
    Event event;
  };
  std::vector<Dated> events_;
  absl::Time latest_ = absl::InfinitePast();
};

std::string DescribeUpdate(const v1::TaskStatus& status) {
  std::string text = v1::TaskState_Name(status.state());
  if (status.reason() != v1::REASON_UNSPECIFIED) {
    absl::StrAppend(&text, " ", v1::TaskStatusReason_Name(status.reason()));
  }
  if (!status.message().empty()) absl::StrAppend(&text, ": ", status.message());
  return text;
}

std::string DescribeKill(const v1::KillRequested& kill) {
  std::string text = v1::TaskStatusReason_Name(kill.reason());
  if (kill.has_grace_period()) {
    absl::StrAppend(&text, ", grace ", Seconds(FromProto(kill.grace_period())));
  }
  if (!kill.message().empty()) absl::StrAppend(&text, ": ", kill.message());
  return text;
}

std::string DescribeExit(const v1::Exited& exited) {
  std::string text = exited.message();
  if (exited.has_exit_code()) {
    text = absl::StrCat("status ", exited.exit_code());
  } else if (exited.has_signal()) {
    text = absl::StrCat("signal ", exited.signal());
  }
  return exited.oom_killed() ? text + ", killed for its memory" : text;
}

std::string DescribeLease(const Lease& lease) {
  if (lease.recovery_timeout == absl::InfiniteDuration()) return "never fires";
  return absl::StrCat("recovery_timeout ", Seconds(lease.recovery_timeout));
}

// What differs in the later one.
std::string DescribeChange(const v1::Limits& before, const v1::Limits& after) {
  std::vector<std::string> changes;
  const auto differ = [](const auto& a, const auto& b) {
    return a.SerializeAsString() != b.SerializeAsString();
  };
  if (differ(before.recovery_timeout(), after.recovery_timeout())) {
    changes.push_back(absl::StrCat(
        "recovery_timeout ", Seconds(FromProto(after.recovery_timeout()))));
  }
  if (before.fence_paused() != after.fence_paused()) {
    changes.push_back(after.fence_paused() ? "fence paused" : "fence resumed");
  }
  if (differ(before.fence_not_before(), after.fence_not_before())) {
    changes.push_back("fence extended");  // its moment is since boot
  }
  if (differ(before.resources(), after.resources())) {
    changes.push_back(
        absl::StrCat("resources ", after.resources().ShortDebugString()));
  }
  return absl::StrJoin(changes, ", ");
}

// The link, the lease and the shim. Of limits that were changed before the
// history begins only what held in the end is known.
void AddHistory(const ExecutorFacts& facts, Gathering& events) {
  ExecutorFacts then;
  then.intent = facts.intent;
  v1::Limits limits;
  for (const v1::JournalRecord& record : facts.history) {
    switch (record.record_case()) {
      case v1::JournalRecord::kDetached:
        events.AddRecord(Event::AGENT_LOST, record.detached(), "");
        if (LeaseOf(then).paused) break;
        events.AddRecord(Event::FENCE_ARMED, record.detached(),
                         DescribeLease(LeaseOf(then)));
        break;
      case v1::JournalRecord::kAttached:
        events.AddRecord(Event::REATTACHED, record.attached(),
                         absl::StrCat("agent incarnation ",
                                      record.attached().agent_incarnation()));
        break;
      case v1::JournalRecord::kLimits:
        events.AddRecord(Event::LIMITS_CHANGED, record.limits(),
                         DescribeChange(limits, record.limits()));
        limits = record.limits();
        then.limits = limits;
        break;
      case v1::JournalRecord::kStarted:
        events.AddRecord(Event::SHIM_REPLACED, record.started(),
                         absl::StrCat("its shim had died; the new one is pid ",
                                      record.started().shim_pid()));
        break;
      default:
        break;  // nothing else is kept in a history
    }
  }
}

}  // namespace

std::vector<v1::TimelineEvent> MakeTimeline(
    const ExecutorFacts& facts, const TaskFacts& task,
    const std::function<absl::Time(const v1::StatusUpdate&)>& delivered_at) {
  Gathering events;
  events.Add(Event::LAUNCH, task.intended_at,
             absl::StrCat("executor ", facts.intent.executor_id(),
                          " in container ", facts.intent.container_id()));
  if (facts.started) {
    events.AddRecord(Event::STARTED, *facts.started,
                     absl::StrCat("pid ", facts.started->pid(), ", shim pid ",
                                  facts.started->shim_pid()));
  }
  AddHistory(facts, events);
  for (const auto& kill : {facts.kill, task.kill}) {
    if (!kill) continue;
    events.AddRecord(Event::KILL_REQUESTED, *kill, DescribeKill(*kill));
  }
  if (facts.fenced) {
    events.AddRecord(
        Event::FENCED, *facts.fenced,
        absl::StrCat("no agent within ",
                     Seconds(FromProto(facts.fenced->recovery_timeout()))));
  }
  if (facts.exited) {
    events.AddRecord(Event::EXITED, *facts.exited, DescribeExit(*facts.exited));
  }
  for (size_t i = 0; i < task.updates.size(); ++i) {
    const v1::StatusUpdate& update = task.updates[i];
    const v1::TaskStatus& status = update.status();
    events
        .Add(Event::UPDATE,
             status.has_timestamp() ? FromProto(status.timestamp())
                                    : absl::InfinitePast(),
             DescribeUpdate(status))
        .set_uuid(update.uuid());
    const absl::Time delivered = delivered_at(update);
    if (delivered != absl::InfinitePast()) {
      events.Add(Event::DELIVERED, delivered, "").set_uuid(update.uuid());
    }
    if (i < task.acknowledged) {
      events.Add(Event::ACKNOWLEDGED, task.acknowledged_at[i], "")
          .set_uuid(update.uuid());
    }
  }
  return events.InOrder();
}

}  // namespace holdfast
