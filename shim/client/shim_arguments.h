#pragma once

namespace holdfast::shim {

// How an agent starts a shim (of its own or an earlier or later version):
//   holdfast-shim CONTAINER_ID JOURNAL RUNTIME_DIRECTORY SHIM_PROCS_FILE
// The container id is there for people who look at ps(1). Stderr is the
// shim's log.
inline constexpr int kContainerIdArgument = 1;
inline constexpr int kJournalPathArgument = 2;
inline constexpr int kRuntimeDirectoryArgument = 3;
inline constexpr int kShimProcsFileArgument = 4;
inline constexpr int kShimArguments = 5;

inline constexpr int kJournalFd = 3;
inline constexpr int kListeningFd = 4;
inline constexpr int kConnectionFd = 5;

}  // namespace holdfast::shim
