#include "plugin/updates/update_hub.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "api/reasons.h"

namespace holdfast {

void UpdateHub::Add(const v1::StatusUpdate& update, bool acknowledged) {
  if (number_of_.contains(update.uuid())) return;
  const uint64_t number = ++last_number_;
  number_of_[update.uuid()] = number;
  const Event& event = events_[update.framework_id()]
                           .emplace(number, Event{update, acknowledged})
                           .first->second;
  for (auto& [watch, watcher] : watchers_) {
    const bool wanted = watcher.framework_id.empty() ||
                        watcher.framework_id == update.framework_id();
    if (wanted && (!acknowledged || watcher.include_acknowledged)) {
      SendEvent(*watcher.sink, number, event);
    }
  }
}

void UpdateHub::Acknowledged(const v1::StatusUpdate& update) {
  const auto number = number_of_.find(update.uuid());
  if (number == number_of_.end()) return;
  Events& events = events_[update.framework_id()];
  events.at(number->second).acknowledged = true;
  TrimAcknowledged(events);
}

// Unacknowledged ones among the oldest hide acknowledged ones behind them:
// those are trimmed when their turn comes.
void UpdateHub::TrimAcknowledged(Events& events) {
  while (events.size() > kKeptAcknowledged &&
         events.begin()->second.acknowledged) {
    const auto& [number, event] = *events.begin();
    last_trimmed_[event.update.framework_id()] = number;
    number_of_.erase(event.update.uuid());
    events.erase(events.begin());
  }
}

void UpdateHub::Forget(const std::string& framework_id,
                       const std::string& container_id) {
  const auto found = events_.find(framework_id);
  if (found == events_.end()) return;
  std::erase_if(found->second, [&](const Events::value_type& event) {
    if (event.second.update.container_id() != container_id) return false;
    number_of_.erase(event.second.update.uuid());
    return true;
  });
}

std::string UpdateHub::CursorOf(uint64_t number) const {
  return absl::StrCat(incarnation_, "/", number);
}

std::optional<uint64_t> UpdateHub::ParseCursor(
    const std::string& cursor) const {
  const std::vector<std::string> parts = absl::StrSplit(cursor, '/');
  uint64_t number;
  if (parts.size() != 2 || parts[0] != incarnation_ ||
      !absl::SimpleAtoi(parts[1], &number) || number > last_number_) {
    return std::nullopt;
  }
  return number;
}

bool UpdateHub::KnowsAllAfter(uint64_t number,
                              const std::string& framework_id) const {
  return std::none_of(
      last_trimmed_.begin(), last_trimmed_.end(), [&](const auto& trimmed) {
        return (framework_id.empty() || framework_id == trimmed.first) &&
               number < trimmed.second;
      });
}

void UpdateHub::SendEvent(UpdateSink& sink, uint64_t number,
                          const Event& event) const {
  v1::WatchUpdatesResponse response;
  *response.mutable_update() = event.update;
  response.set_cursor(CursorOf(number));
  sink.Send(response);
}

uint64_t UpdateHub::Watch(const v1::WatchUpdatesRequest& request,
                          std::shared_ptr<UpdateSink> sink) {
  if (!request.framework_id().empty() && !request.snapshot_only()) {
    for (auto at = watchers_.begin(); at != watchers_.end();) {
      if (at->second.framework_id != request.framework_id() ||
          at->second.snapshot_only) {
        ++at;
        continue;
      }
      at->second.sink->Finish(WithReason(
          absl::AbortedError("another stream watches this framework now"),
          "TAKEN_OVER"));
      at = watchers_.erase(at);
    }
  }
  std::optional<uint64_t> resume_after = ParseCursor(request.cursor());
  if (resume_after && !KnowsAllAfter(*resume_after, request.framework_id())) {
    resume_after.reset();
  }
  const uint64_t watch = ++last_watch_;
  Watcher& watcher = watchers_[watch];
  watcher = {request.framework_id(), std::move(sink), request.snapshot_only(),
             request.include_acknowledged() || resume_after.has_value()};
  SendSnapshot(watcher, resume_after);
  if (recovered_) CompleteSnapshot(watch);
  return watch;
}

void UpdateHub::SendSnapshot(const Watcher& watcher,
                             std::optional<uint64_t> resume_after) {
  v1::WatchUpdatesResponse response;
  *response.mutable_header() = header_();
  response.mutable_header()->set_resumed(resume_after.has_value());
  watcher.sink->Send(response);
  std::vector<std::pair<uint64_t, const Event*>> chosen;
  for (const auto& [framework_id, events] : events_) {
    if (!watcher.framework_id.empty() && watcher.framework_id != framework_id) {
      continue;
    }
    for (auto at = events.upper_bound(resume_after.value_or(0));
         at != events.end(); ++at) {
      if (at->second.acknowledged && !watcher.include_acknowledged) continue;
      chosen.emplace_back(at->first, &at->second);
    }
  }
  std::sort(chosen.begin(), chosen.end());
  for (const auto& [number, event] : chosen) {
    SendEvent(*watcher.sink, number, *event);
  }
}

void UpdateHub::CompleteSnapshot(uint64_t watch) {
  const Watcher& watcher = watchers_.at(watch);
  v1::WatchUpdatesResponse response;
  response.set_snapshot_complete(true);
  response.set_cursor(CursorOf(last_number_));
  watcher.sink->Send(response);
  if (!watcher.snapshot_only) return;
  watcher.sink->Finish(absl::OkStatus());
  watchers_.erase(watch);
}

void UpdateHub::Unwatch(uint64_t watch) { watchers_.erase(watch); }

bool UpdateHub::IsWatched(const std::string& framework_id) const {
  return std::any_of(watchers_.begin(), watchers_.end(),
                     [&](const auto& entry) {
                       return entry.second.framework_id == framework_id &&
                              !entry.second.snapshot_only;
                     });
}

void UpdateHub::RecoveryComplete() {
  recovered_ = true;
  std::vector<uint64_t> waiting;
  for (const auto& [watch, watcher] : watchers_) waiting.push_back(watch);
  for (const uint64_t watch : waiting) CompleteSnapshot(watch);
}

}  // namespace holdfast
