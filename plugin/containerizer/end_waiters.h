#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "api/containerizer.pb.h"

namespace holdfast {

// Who waits for the end of which container. Lives on the loop.
class EndWaiters {
 public:
  using Key = std::pair<std::string, std::string>;  // framework, container
  using Reply = std::function<void(absl::StatusOr<v1::ContainerTermination>)>;

  // A call that waits, for as long as its client does.
  struct Caller {
    bool gone = false;
  };

  // `reply` is called once: by Answer, Close or Drop; at once where it is
  // closed, or (Cancelled) the caller has gone already.
  void Add(Key key, std::shared_ptr<Caller> caller, Reply reply);
  // Tells all who wait for `key`.
  void Answer(const Key& key,
              const absl::StatusOr<v1::ContainerTermination>& end);
  // Tells everybody, and whoever comes from now on.
  void Close(absl::Status why);
  // The caller has gone: Cancelled, if it waits, and whenever it would.
  void Drop(const std::shared_ptr<Caller>& caller);

  bool IsAwaited(const Key& key) const { return waiting_.count(key) != 0; }
  size_t size() const { return waiting_.size(); }

 private:
  struct Waiting {
    std::shared_ptr<Caller> caller;
    Reply reply;
  };

  std::multimap<Key, Waiting> waiting_;
  absl::Status closed_;
};

}  // namespace holdfast
