#include "plugin/api_socket.h"

#include <errno.h>
#include <grp.h>
#include <grpcpp/ext/proto_server_reflection_plugin.h>
#include <sys/stat.h>
#include <unistd.h>

#include "absl/strings/str_cat.h"
#include "base/errors.h"
#include "base/log.h"

namespace holdfast {
namespace {

absl::Status OpenToGroup(const std::string& socket, const std::string& group) {
  if (chmod(socket.c_str(), 0660) != 0) {
    return ErrnoStatus(errno, "chmod", socket);
  }
  char buffer[16 * 1024];
  struct group entry;
  struct group* found = nullptr;
  if (getgrnam_r(group.c_str(), &entry, buffer, sizeof buffer, &found) != 0 ||
      found == nullptr) {
    return absl::OkStatus();  // then it is root's alone
  }
  if (chown(socket.c_str(), static_cast<uid_t>(-1), found->gr_gid) != 0) {
    return ErrnoStatus(errno, "chown", socket);
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::unique_ptr<grpc::Server>> ServeOn(
    const std::string& path, const std::string& group,
    const std::vector<grpc::Service*>& services) {
  grpc::reflection::InitProtoReflectionServerBuilderPlugin();
  grpc::ServerBuilder builder;
  for (grpc::Service* service : services) builder.RegisterService(service);
  builder.AddListeningPort(absl::StrCat("unix:", path),
                           grpc::InsecureServerCredentials());
  // gRPC makes the socket by itself; nobody else's until its mode is set.
  const mode_t before = umask(0177);
  std::unique_ptr<grpc::Server> server = builder.BuildAndStart();
  umask(before);
  if (server == nullptr) {
    return absl::FailedPreconditionError(
        absl::StrCat("listen ", path, ": the socket cannot be made"));
  }
  Log(Severity::kInfo, "serving", {{"socket", path}});
  HOLDFAST_RETURN_IF_ERROR(OpenToGroup(path, group));
  return server;
}

}  // namespace holdfast
