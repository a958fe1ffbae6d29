#include "tests/shim/service/valve.h"

#include <errno.h>
#include <gtest/gtest.h>
#include <sys/epoll.h>
#include <sys/socket.h>

namespace holdfast::shim {

Valve::Valve(EventLoop& loop, UniqueFd first, UniqueFd second)
    : loop_(loop), first_(std::move(first)), second_(std::move(second)) {
  Open();
}

Valve::~Valve() { Close(); }

void Valve::Open() {
  if (std::exchange(open_, true)) return;
  EXPECT_TRUE(
      loop_
          .Watch(first_.get(), EPOLLIN,
                 [this](uint32_t) { Pass(first_.get(), second_.get()); })
          .ok());
  EXPECT_TRUE(
      loop_
          .Watch(second_.get(), EPOLLIN,
                 [this](uint32_t) { Pass(second_.get(), first_.get()); })
          .ok());
}

void Valve::Close() {
  if (!std::exchange(open_, false)) return;
  loop_.Unwatch(first_.get());
  loop_.Unwatch(second_.get());
}

// What finds no room stays where it is, and is tried again by the loop.
void Valve::Pass(int from, int to) {
  char buffer[64 * 1024];
  const ssize_t got =
      recv(from, buffer, sizeof buffer, MSG_DONTWAIT | MSG_PEEK);
  if (got <= 0) return Close();
  const ssize_t sent =
      send(to, buffer, static_cast<size_t>(got), MSG_NOSIGNAL | MSG_DONTWAIT);
  if (sent < 0 && errno == EAGAIN) return;
  if (sent < 0) return Close();
  EXPECT_EQ(recv(from, buffer, static_cast<size_t>(sent), 0), sent);
}

}  // namespace holdfast::shim
