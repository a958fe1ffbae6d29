#pragma once

#include <functional>
#include <list>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "absl/time/time.h"
#include "api/containerd/forward.pb.h"
#include "base/unique_fd.h"

namespace holdfast::containerd {

// containerd's end for events, as TTRPC_ADDRESS names it: keeps what it is told
// and says OK to all.
class EventsServer {
 public:
  using Envelope = ::containerd::services::events::ttrpc::v1::Envelope;

  explicit EventsServer(const std::string& path);
  ~EventsServer();
  EventsServer(const EventsServer&) = delete;
  EventsServer& operator=(const EventsServer&) = delete;

  std::vector<Envelope> events();
  void Clear();
  // Until `holds` of what has come; false: not within `timeout`.
  bool Await(const std::function<bool(const std::vector<Envelope>&)>& holds,
             absl::Duration timeout);

 private:
  void Accept();
  void Serve(int fd);

  UniqueFd listening_;
  std::mutex mutex_;
  std::vector<Envelope> events_;
  std::list<UniqueFd> connections_;
  std::list<std::thread> threads_;
  std::thread acceptor_;
};

}  // namespace holdfast::containerd
