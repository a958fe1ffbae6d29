#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "api/orchestrator.pb.h"

namespace holdfast {

// One WatchUpdates stream's receiving end; called on the agent's loop, must
// not block.
class UpdateSink {
 public:
  virtual ~UpdateSink() = default;
  virtual void Send(const v1::WatchUpdatesResponse& response) = 0;
  // The last call.
  virtual void Finish(const absl::Status& status) = 0;
};

// All updates that this life of the agent knows of, in the order in which it
// learnt of them, and who watches them. An update stays until its executor is
// removed; acknowledged ones of a framework beyond the last kKeptAcknowledged
// are forgotten. Everything here is in the executors' journals too: nothing of
// it needs to survive.
class UpdateHub {
 public:
  static constexpr size_t kKeptAcknowledged = 20'000;

  // `header` is what every stream begins with; `resumed` is filled in.
  UpdateHub(std::string incarnation,
            std::function<v1::WatchUpdatesResponse::Header()> header)
      : incarnation_(std::move(incarnation)), header_(std::move(header)) {}

  // Each update once, in the order of its executor's sequence.
  void Add(const v1::StatusUpdate& update, bool acknowledged);
  void Acknowledged(const v1::StatusUpdate& update);
  void Forget(const std::string& framework_id, const std::string& container_id);

  // Sends the header and what there is, then everything new until Unwatch or
  // until another stream of the same framework takes over. Returns the
  // watch's number.
  uint64_t Watch(const v1::WatchUpdatesRequest& request,
                 std::shared_ptr<UpdateSink> sink);
  void Unwatch(uint64_t watch);
  bool IsWatched(const std::string& framework_id) const;

  // Before it, what a snapshot is is not known: `snapshot_complete` waits.
  void RecoveryComplete();

 private:
  struct Event {
    v1::StatusUpdate update;
    bool acknowledged;
  };
  struct Watcher {
    std::string framework_id;  // empty: all
    std::shared_ptr<UpdateSink> sink;
    bool snapshot_only;
    bool include_acknowledged;
  };
  using Events = std::map<uint64_t, Event>;

  std::string CursorOf(uint64_t number) const;
  std::optional<uint64_t> ParseCursor(const std::string& cursor) const;
  bool KnowsAllAfter(uint64_t number, const std::string& framework_id) const;
  void SendEvent(UpdateSink& sink, uint64_t number, const Event& event) const;
  void SendSnapshot(const Watcher& watcher,
                    std::optional<uint64_t> resume_after);
  void CompleteSnapshot(uint64_t watch);
  void TrimAcknowledged(Events& events);

  const std::string incarnation_;
  const std::function<v1::WatchUpdatesResponse::Header()> header_;
  bool recovered_ = false;
  uint64_t last_number_ = 0;
  uint64_t last_watch_ = 0;
  absl::flat_hash_map<std::string, Events> events_;  // by framework
  // Likewise, the latest that made room: what follows an older cursor is not
  // all here.
  absl::flat_hash_map<std::string, uint64_t> last_trimmed_;
  absl::flat_hash_map<std::string, uint64_t> number_of_;  // by uuid
  std::map<uint64_t, Watcher> watchers_;
};

}  // namespace holdfast
