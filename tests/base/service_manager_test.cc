#include "base/service_manager.h"

#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstddef>
#include <string>

#include "absl/strings/str_cat.h"
#include "base/unique_fd.h"
#include "gtest/gtest.h"
#include "tests/fakes/temporary_directory.h"

namespace holdfast {
namespace {

// systemd's end of the socket. `name` may begin with @, as in NOTIFY_SOCKET.
UniqueFd Bind(const std::string& name) {
  UniqueFd fd(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = {}};
  name.copy(address.sun_path, sizeof address.sun_path - 1);
  if (name[0] == '@') address.sun_path[0] = '\0';
  const size_t length = offsetof(sockaddr_un, sun_path) + name.size();
  EXPECT_EQ(bind(fd.get(), reinterpret_cast<const sockaddr*>(&address),
                 static_cast<socklen_t>(length)),
            0);
  return fd;
}

std::string Receive(const UniqueFd& fd) {
  char buffer[256];
  const ssize_t size = recv(fd.get(), buffer, sizeof buffer, 0);
  return size < 0 ? "" : std::string(buffer, static_cast<size_t>(size));
}

TEST(ServiceManager, IsToldOnTheSocketOfTheEnvironment) {
  const TemporaryDirectory directory;
  const std::string path = absl::StrCat(directory.path(), "/notify");
  const UniqueFd systemd = Bind(path);
  setenv("NOTIFY_SOCKET", path.c_str(), 1);

  ServiceManager::FromEnvironment().Tell("READY=1\nSTATUS=serving");

  EXPECT_EQ(Receive(systemd), "READY=1\nSTATUS=serving");
}

TEST(ServiceManager, IsToldOnAnAbstractSocket) {
  const std::string name = absl::StrCat("@holdfast-test-", getpid());
  const UniqueFd systemd = Bind(name);
  setenv("NOTIFY_SOCKET", name.c_str(), 1);

  ServiceManager::FromEnvironment().Tell("STOPPING=1");

  EXPECT_EQ(Receive(systemd), "STOPPING=1");
}

TEST(ServiceManager, IsNothingThatChildrenInherit) {
  setenv("NOTIFY_SOCKET", "/nowhere", 1);

  const ServiceManager manager = ServiceManager::FromEnvironment();

  EXPECT_EQ(getenv("NOTIFY_SOCKET"), nullptr);
  manager.Tell("READY=1");  // nobody listens, which is no harm
}

TEST(ServiceManager, IsNoneWithoutTheVariable) {
  unsetenv("NOTIFY_SOCKET");

  ServiceManager::FromEnvironment().Tell("READY=1");
}

}  // namespace
}  // namespace holdfast
