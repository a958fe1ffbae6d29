#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/time/time.h"
#include "api/orchestrator.pb.h"
#include "base/clock.h"

namespace holdfast {

// One WatchUpdates stream's receiving end; called on the agent's loop, must
// not block.
class UpdateSink {
 public:
  virtual ~UpdateSink() = default;
  // Whether it takes more now. After a false, UpdateHub::Continue is due when
  // it does again.
  virtual bool HasRoom() = 0;
  virtual void Send(const v1::WatchUpdatesResponse& response) = 0;
  // The last call.
  virtual void Finish(const absl::Status& status) = 0;
};

// All updates that this life of the agent knows of, in the order in which it
// learnt of them, and who watches them. An update stays until its executor is
// removed; acknowledged ones of a framework beyond the last kKeptAcknowledged
// are forgotten. Everything here is in the executors' journals too: nothing of
// it needs to survive.
// A stream takes its updates from here as it has room for them, so that one
// that nobody reads costs a place in the list, and no copies.
class UpdateHub {
 public:
  static constexpr size_t kKeptAcknowledged = 20'000;

  // `header` is what every stream begins with; `resumed` is filled in.
  UpdateHub(std::string incarnation,
            std::function<v1::WatchUpdatesResponse::Header()> header,
            const Clock& clock = SystemClock())
      : incarnation_(std::move(incarnation)),
        header_(std::move(header)),
        clock_(clock) {}

  // Each update once, in the order of its executor's sequence.
  void Add(const v1::StatusUpdate& update, bool acknowledged);
  void Acknowledged(const v1::StatusUpdate& update);
  void Forget(const std::string& framework_id, const std::string& container_id);
  // All of the framework's, and its streams end with `why`.
  void ForgetFramework(const std::string& framework_id,
                       const absl::Status& why);

  // Sends the header and what there is, then everything new until Unwatch,
  // until another stream of the same framework takes over (Aborted TAKEN_OVER),
  // or until what has yet to be sent makes room for newer ones
  // (ResourceExhausted SLOW_CONSUMER). Returns the watch's number.
  uint64_t Watch(const v1::WatchUpdatesRequest& request,
                 std::shared_ptr<UpdateSink> sink);
  // Its sink has room again. One that is over: nothing happens.
  void Continue(uint64_t watch);
  void Unwatch(uint64_t watch);
  bool IsWatched(const std::string& framework_id) const;
  // When the update was first sent to its framework's own stream, in this life
  // of the agent; InfinitePast: it was not.
  absl::Time DeliveredAt(const v1::StatusUpdate& update) const;

  // Before it, what a snapshot is is not known: `snapshot_complete` waits.
  void RecoveryComplete();

 private:
  enum class EventState { kUnacknowledged, kAcknowledged, kForgotten };
  struct Event {
    v1::StatusUpdate update;
    bool came_acknowledged;
    EventState state;
    absl::Time delivered_at = absl::InfinitePast();
  };
  struct Watcher {
    std::string framework_id;  // empty: all
    std::shared_ptr<UpdateSink> sink;
    bool snapshot_only;
    bool include_acknowledged;
    uint64_t position;    // what comes next is after it
    uint64_t live_after;  // later ones became known while it was watching
    // Until it is told that its snapshot is complete; empty: not yet known.
    std::optional<uint64_t> snapshot_end;
  };
  using Events = std::map<uint64_t, Event>;
  using Watchers = std::map<uint64_t, Watcher>;

  std::string CursorOf(uint64_t number) const;
  std::optional<uint64_t> ParseCursor(const std::string& cursor) const;
  bool KnowsAllAfter(uint64_t number, const std::string& framework_id) const;
  static bool Wants(const Watcher& watcher, uint64_t number,
                    const Event& event);
  bool AnyoneWaitsFor(uint64_t number, const Event& event) const;
  std::vector<uint64_t> Watches() const;
  bool Drop(uint64_t number);
  void EndStreams(const std::string& framework_id, const absl::Status& why);
  Events::const_iterator Next(Watcher& watcher) const;
  void SendEvent(const Watcher& watcher, uint64_t number, Event& event) const;
  bool EndSnapshot(Watcher& watcher);
  void TrimAcknowledged(const std::string& framework_id);
  void EndTooSlow(uint64_t number, const Event& event);

  const std::string incarnation_;
  const std::function<v1::WatchUpdatesResponse::Header()> header_;
  const Clock& clock_;
  bool recovered_ = false;
  uint64_t last_number_ = 0;
  uint64_t last_watch_ = 0;
  Events events_;  // by number
  absl::flat_hash_map<std::string, std::set<uint64_t>>
      numbers_;  // by framework
  // Likewise, the latest that made room: what follows an older cursor is not
  // all here.
  absl::flat_hash_map<std::string, uint64_t> last_trimmed_;
  absl::flat_hash_map<std::string, uint64_t> number_of_;  // by uuid
  Watchers watchers_;
};

}  // namespace holdfast
