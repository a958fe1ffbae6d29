#pragma once

#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "api/orchestrator.pb.h"
#include "plugin/updates/update_hub.h"

namespace holdfast {

// A watcher that writes down what it hears.
class RecordedWatch : public UpdateSink {
 public:
  bool HasRoom() override { return responses.size() < room; }
  void Send(const v1::WatchUpdatesResponse& response) override {
    responses.push_back(response);
  }
  void Finish(const absl::Status& status) override { end = status; }

  std::vector<std::string> Uuids() const {
    std::vector<std::string> uuids;
    for (const v1::WatchUpdatesResponse& response : responses) {
      if (response.has_update()) uuids.push_back(response.update().uuid());
    }
    return uuids;
  }
  bool IsComplete() const {
    for (const v1::WatchUpdatesResponse& response : responses) {
      if (response.snapshot_complete()) return true;
    }
    return false;
  }
  const v1::WatchUpdatesResponse::Header& header() const {
    return responses.at(0).header();
  }
  // Of the last thing that was heard.
  const std::string& cursor() const { return responses.back().cursor(); }

  size_t room = std::numeric_limits<size_t>::max();  // for so many in all
  std::vector<v1::WatchUpdatesResponse> responses;
  std::optional<absl::Status> end;
};

inline v1::WatchUpdatesRequest WatchOf(const std::string& framework_id) {
  v1::WatchUpdatesRequest request;
  request.set_framework_id(framework_id);
  return request;
}

inline v1::StatusUpdate UpdateOf(const std::string& framework_id,
                                 const std::string& uuid,
                                 const std::string& container_id = "c-1") {
  v1::StatusUpdate update;
  update.set_uuid(uuid);
  update.set_framework_id(framework_id);
  update.set_container_id(container_id);
  return update;
}

// A hub of an agent's life named `incarnation`, with its watchers.
struct HubWithWatches {
  explicit HubWithWatches(const std::string& incarnation = "life-1")
      : hub(incarnation, [incarnation] {
          v1::WatchUpdatesResponse::Header header;
          header.set_agent_incarnation(incarnation);
          return header;
        }) {}

  std::shared_ptr<RecordedWatch> Watch(const v1::WatchUpdatesRequest& request) {
    auto watch = std::make_shared<RecordedWatch>();
    last_watch = hub.Watch(request, watch);
    return watch;
  }
  std::shared_ptr<RecordedWatch> Watch(const std::string& framework_id) {
    return Watch(WatchOf(framework_id));
  }
  // One that takes `room` responses and no more.
  std::shared_ptr<RecordedWatch> SlowWatch(
      const v1::WatchUpdatesRequest& request, size_t room) {
    auto watch = std::make_shared<RecordedWatch>();
    watch->room = room;
    last_watch = hub.Watch(request, watch);
    return watch;
  }
  void GiveRoom(RecordedWatch& watch, uint64_t number, size_t more) {
    watch.room += more;
    hub.Continue(number);
  }

  UpdateHub hub;
  uint64_t last_watch = 0;
};

}  // namespace holdfast
