// containerd-shim-holdfast-v2: the shim of an unmodified containerd, as the
// runtime io.containerd.holdfast.v2. How it is called: invocation.h.

#include <fcntl.h>
#include <stdio.h>
#include <sysexits.h>
#include <unistd.h>

#include <string>

#include "base/log.h"
#include "base/version.h"
#include "google/protobuf/stubs/logging.h"
#include "shim/containerd/delete.h"
#include "shim/containerd/info.h"
#include "shim/containerd/invocation.h"
#include "shim/containerd/server.h"
#include "shim/containerd/start.h"

namespace holdfast::containerd {
namespace {

constexpr int kListeningFd = 3;
constexpr size_t kMaxInput = 4 * 1024 * 1024;

std::string ReadInput() {
  std::string input;
  char bytes[4096];
  ssize_t count = 0;
  while (input.size() < kMaxInput &&
         (count = read(STDIN_FILENO, bytes, sizeof bytes)) > 0) {
    input.append(bytes, static_cast<size_t>(count));
  }
  return input;
}

// The whole of the answer, and nothing else: containerd reads both of our
// streams as one.
int Print(const absl::StatusOr<std::string>& answer) {
  if (!answer.ok()) {
    fprintf(stderr, "%s\n", std::string(answer.status().message()).c_str());
    return EX_SOFTWARE;
  }
  fwrite(answer->data(), 1, answer->size(), stdout);
  return fflush(stdout) == 0 ? EX_OK : EX_IOERR;
}

int RunServer(const Invocation& invocation) {
  if (fcntl(kListeningFd, F_SETFD, FD_CLOEXEC) != 0) {
    fputs("containerd starts this; see containerd-shim-holdfast-v2(8)\n",
          stderr);
    return EX_USAGE;
  }
  const absl::Status served = Serve(invocation, UniqueFd(kListeningFd));
  if (!served.ok()) Log(Severity::kError, served.ToString());
  return served.ok() ? EX_OK : EX_SOFTWARE;
}

int Run(const Invocation& invocation) {
  switch (invocation.action) {
    case Action::kVersion:
      printf("containerd-shim-holdfast-v2:\n  Version:  %s\n", kVersion);
      return EX_OK;
    case Action::kInfo:
      return Print(DescribeRuntime(ReadInput()));
    case Action::kStart:
      return Print(Start(invocation, ReadInput()));
    case Action::kDelete: {
      const auto response = Delete(invocation);
      if (!response.ok()) return Print(response.status());
      return Print(response->SerializeAsString());
    }
    case Action::kServe:
      return RunServer(invocation);
  }
  return EX_USAGE;
}

}  // namespace
}  // namespace holdfast::containerd

int main(int argc, char** argv) {
  holdfast::SetLogProgram("containerd-shim-holdfast-v2");
  // It would write to stderr, which containerd takes for a part of the answer.
  google::protobuf::SetLogHandler(nullptr);
  const auto invocation = holdfast::containerd::ParseInvocation(argc, argv);
  if (!invocation.ok()) {
    fprintf(stderr, "%s\n", std::string(invocation.status().message()).c_str());
    return EX_USAGE;
  }
  return holdfast::containerd::Run(*invocation);
}
