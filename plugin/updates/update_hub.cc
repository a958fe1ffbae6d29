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
  numbers_[update.framework_id()].insert(number);
  events_.emplace(number,
                  Event{.update = update,
                        .came_acknowledged = acknowledged,
                        .state = acknowledged ? EventState::kAcknowledged
                                              : EventState::kUnacknowledged});
  for (const uint64_t watch : Watches()) Continue(watch);
}

void UpdateHub::Acknowledged(const v1::StatusUpdate& update) {
  const auto number = number_of_.find(update.uuid());
  if (number == number_of_.end()) return;
  events_.at(number->second).state = EventState::kAcknowledged;
  TrimAcknowledged(update.framework_id());
}

// Unacknowledged ones among the oldest hide acknowledged ones behind them:
// those are trimmed when their turn comes.
void UpdateHub::TrimAcknowledged(const std::string& framework_id) {
  std::set<uint64_t>& numbers = numbers_[framework_id];
  while (numbers.size() > kKeptAcknowledged) {
    const auto oldest = events_.find(*numbers.begin());
    const auto& [number, event] = *oldest;
    if (event.state == EventState::kUnacknowledged) return;
    EndTooSlow(number, event);
    last_trimmed_[framework_id] = number;
    if (event.state == EventState::kAcknowledged) {
      number_of_.erase(event.update.uuid());
    }
    numbers.erase(numbers.begin());
    events_.erase(oldest);
  }
}

// A stream that has yet to send what goes now would miss it. Its client begins
// anew: what it has to acknowledge is never trimmed.
void UpdateHub::EndTooSlow(uint64_t number, const Event& event) {
  for (auto at = watchers_.begin(); at != watchers_.end();) {
    if (at->second.position >= number || !Wants(at->second, number, event)) {
      ++at;
      continue;
    }
    at->second.sink->Finish(WithReason(
        absl::ResourceExhaustedError(absl::StrCat(
            "this stream is more than ", kKeptAcknowledged,
            " updates behind; read faster, and watch again: nothing that is "
            "unacknowledged is lost")),
        "SLOW_CONSUMER"));
    at = watchers_.erase(at);
  }
}

void UpdateHub::Forget(const std::string& framework_id,
                       const std::string& container_id) {
  const auto found = numbers_.find(framework_id);
  if (found == numbers_.end()) return;
  std::erase_if(found->second, [&](uint64_t number) {
    const Event& event = events_.at(number);
    return event.update.container_id() == container_id &&
           event.state != EventState::kForgotten && Drop(number);
  });
}

// False: a stream has yet to send it; then it is kept for that alone.
bool UpdateHub::Drop(uint64_t number) {
  const auto at = events_.find(number);
  Event& event = at->second;
  if (event.state != EventState::kForgotten) {
    number_of_.erase(event.update.uuid());
    event.state = EventState::kForgotten;
  }
  if (AnyoneWaitsFor(number, event)) return false;
  events_.erase(at);
  return true;
}

void UpdateHub::ForgetFramework(const std::string& framework_id,
                                const absl::Status& why) {
  EndStreams(framework_id, why);
  last_trimmed_.erase(framework_id);
  const auto found = numbers_.find(framework_id);
  if (found == numbers_.end()) return;
  std::erase_if(found->second, [&](uint64_t number) { return Drop(number); });
}

void UpdateHub::EndStreams(const std::string& framework_id,
                           const absl::Status& why) {
  for (auto at = watchers_.begin(); at != watchers_.end();) {
    if (at->second.framework_id != framework_id || at->second.snapshot_only) {
      ++at;
      continue;
    }
    at->second.sink->Finish(why);
    at = watchers_.erase(at);
  }
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

bool UpdateHub::Wants(const Watcher& watcher, uint64_t number,
                      const Event& event) {
  if (!watcher.framework_id.empty() &&
      watcher.framework_id != event.update.framework_id()) {
    return false;
  }
  // What it would have been sent at once, had it had room, it is sent later.
  if (number > watcher.live_after) {
    return watcher.include_acknowledged || !event.came_acknowledged;
  }
  return event.state == EventState::kUnacknowledged ||
         (event.state == EventState::kAcknowledged &&
          watcher.include_acknowledged);
}

bool UpdateHub::AnyoneWaitsFor(uint64_t number, const Event& event) const {
  return std::any_of(watchers_.begin(), watchers_.end(),
                     [&](const auto& entry) {
                       return entry.second.position < number &&
                              Wants(entry.second, number, event);
                     });
}

std::vector<uint64_t> UpdateHub::Watches() const {
  std::vector<uint64_t> watches;
  for (const auto& [watch, watcher] : watchers_) watches.push_back(watch);
  return watches;
}

void UpdateHub::SendEvent(const Watcher& watcher, uint64_t number,
                          Event& event) const {
  v1::WatchUpdatesResponse response;
  *response.mutable_update() = event.update;
  response.set_cursor(CursorOf(number));
  watcher.sink->Send(response);
  if (!watcher.framework_id.empty() &&
      event.delivered_at == absl::InfinitePast()) {
    event.delivered_at = clock_.Now();
  }
}

absl::Time UpdateHub::DeliveredAt(const v1::StatusUpdate& update) const {
  const auto number = number_of_.find(update.uuid());
  return number == number_of_.end() ? absl::InfinitePast()
                                    : events_.at(number->second).delivered_at;
}

uint64_t UpdateHub::Watch(const v1::WatchUpdatesRequest& request,
                          std::shared_ptr<UpdateSink> sink) {
  if (!request.framework_id().empty() && !request.snapshot_only()) {
    EndStreams(request.framework_id(),
               WithReason(absl::AbortedError(
                              "another stream watches this framework now"),
                          "TAKEN_OVER"));
  }
  const std::optional<uint64_t> cursor = ParseCursor(request.cursor());
  const bool resumed =
      cursor.has_value() && KnowsAllAfter(*cursor, request.framework_id());
  v1::WatchUpdatesResponse response;
  *response.mutable_header() = header_();
  response.mutable_header()->set_resumed(resumed);
  sink->Send(response);
  const uint64_t watch = ++last_watch_;
  Watcher& watcher = watchers_[watch];
  watcher = {
      .framework_id = request.framework_id(),
      .sink = std::move(sink),
      .snapshot_only = request.snapshot_only(),
      .include_acknowledged = request.include_acknowledged() || resumed,
      .position = resumed ? *cursor : 0,
      .live_after = last_number_,
      .snapshot_end = {},
  };
  if (recovered_) watcher.snapshot_end = last_number_;
  Continue(watch);
  return watch;
}

// The next one that it wants; what it does not want is passed over for good.
UpdateHub::Events::const_iterator UpdateHub::Next(Watcher& watcher) const {
  const auto after = [&]() -> Events::const_iterator {
    if (watcher.framework_id.empty()) {
      return events_.upper_bound(watcher.position);
    }
    const auto numbers = numbers_.find(watcher.framework_id);
    if (numbers == numbers_.end()) return events_.end();
    const auto next = numbers->second.upper_bound(watcher.position);
    return next == numbers->second.end() ? events_.end() : events_.find(*next);
  };
  for (auto next = after(); next != events_.end(); next = after()) {
    if (Wants(watcher, next->first, next->second)) return next;
    watcher.position = next->first;
  }
  return events_.end();
}

// All that it has room for.
void UpdateHub::Continue(uint64_t watch) {
  const auto found = watchers_.find(watch);
  if (found == watchers_.end()) return;
  Watcher& watcher = found->second;
  while (watcher.sink->HasRoom()) {
    const auto next = Next(watcher);
    const bool at_end = next == events_.end();
    if (watcher.snapshot_end &&
        (at_end || next->first > *watcher.snapshot_end)) {
      if (!EndSnapshot(watcher)) continue;
      watchers_.erase(found);
      return;
    }
    if (at_end) return;
    SendEvent(watcher, next->first, events_.at(next->first));
    watcher.position = next->first;
  }
}

// Whether that was all that it wanted.
bool UpdateHub::EndSnapshot(Watcher& watcher) {
  v1::WatchUpdatesResponse response;
  response.set_snapshot_complete(true);
  response.set_cursor(CursorOf(*watcher.snapshot_end));
  watcher.snapshot_end.reset();
  watcher.sink->Send(response);
  if (!watcher.snapshot_only) return false;
  watcher.sink->Finish(absl::OkStatus());
  return true;
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
  for (const uint64_t watch : Watches()) {
    watchers_.at(watch).snapshot_end = last_number_;
    Continue(watch);
  }
}

}  // namespace holdfast
