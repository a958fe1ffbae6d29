#include "tests/containerd/events_server.h"

#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "api/containerd/ttrpc.pb.h"
#include "gtest/gtest.h"
#include "tests/containerd/ttrpc_caller.h"
#include "tests/integration/process_watch.h"

namespace holdfast::containerd {
namespace {

constexpr uint8_t kResponse = 2;

}  // namespace

EventsServer::EventsServer(const std::string& path)
    : listening_(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  EXPECT_LT(path.size(), sizeof(address.sun_path));
  memcpy(address.sun_path, path.c_str(), path.size());
  EXPECT_EQ(bind(listening_.get(), reinterpret_cast<const sockaddr*>(&address),
                 sizeof(address)),
            0)
      << path;
  EXPECT_EQ(listen(listening_.get(), SOMAXCONN), 0);
  acceptor_ = std::thread([this] { Accept(); });
}

EventsServer::~EventsServer() {
  shutdown(listening_.get(), SHUT_RDWR);
  acceptor_.join();
  for (const UniqueFd& connection : connections_)
    shutdown(connection.get(), SHUT_RDWR);
  for (std::thread& thread : threads_) thread.join();
}

void EventsServer::Accept() {
  for (;;) {
    UniqueFd fd(accept4(listening_.get(), nullptr, nullptr, SOCK_CLOEXEC));
    if (!fd) return;
    connections_.push_back(std::move(fd));
    const int borrowed = connections_.back().get();
    threads_.emplace_back([this, borrowed] { Serve(borrowed); });
  }
}

void EventsServer::Serve(int fd) {
  WireFrame frame;
  while (ReadFrame(fd, frame)) {
    ::ttrpc::Request request;
    ::containerd::services::events::ttrpc::v1::ForwardRequest forward;
    if (request.ParseFromString(frame.data) &&
        forward.ParseFromString(request.payload())) {
      const std::lock_guard lock(mutex_);
      events_.push_back(forward.envelope());
    }
    if (!WriteFrame(fd, {frame.stream, kResponse, ""})) return;
  }
}

std::vector<EventsServer::Envelope> EventsServer::events() {
  const std::lock_guard lock(mutex_);
  return events_;
}

void EventsServer::Clear() {
  const std::lock_guard lock(mutex_);
  events_.clear();
}

bool EventsServer::Await(
    const std::function<bool(const std::vector<Envelope>&)>& holds,
    absl::Duration timeout) {
  return Eventually([&] { return holds(events()); }, timeout);
}

}  // namespace holdfast::containerd
