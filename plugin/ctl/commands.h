#pragma once

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "plugin/ctl/client.h"
#include "plugin/ctl/options.h"

namespace holdfast::ctl {

// A command reads its own options, does its work, prints, and gives the exit
// code; a status becomes one line on stderr and ExitCodeOf(it).
struct Command {
  absl::string_view name;
  absl::string_view synopsis;  // after the name
  absl::string_view summary;
  absl::string_view options;  // those it has besides the global ones
  absl::StatusOr<int> (*run)(Invocation&);
};

absl::Span<const Command> Commands();

// "holdfastctl --help" and "holdfastctl COMMAND --help".
std::string Usage();
std::string Usage(const Command& command);

absl::StatusOr<int> Run(Invocation& invocation);
absl::StatusOr<int> Ps(Invocation& invocation);
absl::StatusOr<int> Inspect(Invocation& invocation);
absl::StatusOr<int> Logs(Invocation& invocation);
absl::StatusOr<int> Kill(Invocation& invocation);
absl::StatusOr<int> Wait(Invocation& invocation);
absl::StatusOr<int> Remove(Invocation& invocation);
absl::StatusOr<int> Events(Invocation& invocation);
absl::StatusOr<int> Info(Invocation& invocation);
absl::StatusOr<int> Recovery(Invocation& invocation);
absl::StatusOr<int> Recover(Invocation& invocation);
absl::StatusOr<int> Fsck(Invocation& invocation);
absl::StatusOr<int> Lease(Invocation& invocation);
absl::StatusOr<int> Timeline(Invocation& invocation);
absl::StatusOr<int> Drain(Invocation& invocation);
absl::StatusOr<int> Undrain(Invocation& invocation);
absl::StatusOr<int> Teardown(Invocation& invocation);
absl::StatusOr<int> Retire(Invocation& invocation);

// Where the agent is that the options or the environment name.
absl::StatusOr<std::string> AgentSocket(const Globals& globals);

// A client of the agent that the options or the environment name. The first
// contact must come about: who is not there now may never have been.
absl::StatusOr<Client> ConnectToAgent(const Globals& globals);

}  // namespace holdfast::ctl
