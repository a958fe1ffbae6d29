#include "plugin/ctl/commands.h"

#include <stdlib.h>

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "base/errors.h"
#include "plugin/ctl/address.h"

namespace holdfast::ctl {
namespace {

constexpr absl::Duration kCallTimeout = absl::Seconds(30);

// Of commands that look at one task.
constexpr char kChoiceOptions[] =
    "      --namespace NS         a containerd's task, of this namespace\n"
    "      --all-agents           refuse an id that several agents have\n"
    "      --framework ID         the task's framework\n"
    "      --work_dir DIR         as of ps\n";

constexpr Command kCommands[] = {
    {"run", "[OPTION]... [--] CMD [ARG]...",
     "start a task, show its output and exit as it does",
     "  -d, --detach               print the task's id and leave it running\n"
     "      --id ID                the task's id; made up when not given\n"
     "      --name NAME            for people; the command's name by default\n"
     "      --nocheckpoint         the task may end with its agent\n"
     "  -e, --env NAME[=VALUE]     a variable of its environment; repeatable\n"
     "  -u, --user USER[:GROUP]    whom it runs as\n"
     "  -w, --cwd DIR              its working directory\n"
     "      --cpus N               CPU time, such as 0.5\n"
     "  -m, --memory SIZE          memory, such as 64MiB\n"
     "      --pids N               processes and threads\n"
     "      --recovery_timeout D   how long it lives without an agent\n"
     "      --grace D              between SIGTERM and SIGKILL\n",
     Run},
    {"ps", "[-a] [-q] [--all-agents]", "list the tasks",
     "  -a, --all                  those that have ended, too\n"
     "  -q, --quiet                ids only\n"
     "      --all-agents           those of this host's containerds, too\n"
     "      --framework ID         only those of this framework, or of this\n"
     "                             namespace of containerd's\n"
     "      --work_dir DIR         where the containerds' are; otherwise\n"
     "                             HOLDFAST_WORK_DIR, otherwise the default\n",
     Ps},
    {"inspect", "[[AGENT/]NAMESPACE/]TASK_ID", "all that is known of a task",
     kChoiceOptions, Inspect},
    {"logs", "[-f] [[AGENT/]NAMESPACE/]TASK_ID",
     "a task's output; of a containerd's, what its reader has not taken",
     "  -f, --follow               until the task has ended; not of a\n"
     "                             containerd's\n"
     "      --stdout               only its stdout\n"
     "      --stderr               only its stderr\n"
     "      --namespace NS         a containerd's task, of this namespace\n"
     "      --all-agents           refuse an id that several agents have\n"
     "      --framework ID         the task's framework\n"
     "      --work_dir DIR         as of ps\n",
     Logs},
    {"kill", "[--grace D] TASK_ID...", "end tasks",
     "      --grace D              between SIGTERM and SIGKILL\n"
     "      --framework ID         the tasks' framework\n",
     Kill},
    {"wait", "TASK_ID...", "wait for tasks to end; exit as the last named did",
     "      --framework ID         the tasks' framework\n", Wait},
    {"rm", "TASK_ID...", "forget tasks that have ended, and their files",
     "      --framework ID         the tasks' framework\n", Remove},
    {"events", "[--follow] [--from CURSOR]", "the tasks' status updates",
     "  -f, --follow               go on with new ones\n"
     "      --from CURSOR          those after this one (see -o json)\n"
     "      --framework ID         only those of this framework\n",
     Events},
    {"info", "", "the agent: its version, state and flags", "", Info},
    {"lease", "{ls | extend D | timeout D | pause | resume} [TASK_ID...|--all]",
     "how long executors live without their agent",
     "  ls                         how long each has left\n"
     "  extend D                   none of them ends before D from now\n"
     "  timeout D                  another recovery_timeout\n"
     "  pause, resume              none of them ends until resumed; then a\n"
     "                             whole recovery_timeout begins\n"
     "  -a, --all                  every living executor\n"
     "      --framework ID         only those of this framework\n"
     "      --runtime_dir DIR      where the shims are, which are asked\n"
     "                             themselves when no agent answers; the\n"
     "                             directory of the agent's socket by "
     "default\n",
     Lease},
    {"timeline", "[[AGENT/]NAMESPACE/]TASK_ID",
     "what has happened to a task, by time", kChoiceOptions, Timeline},
    {"recovery", "", "what the agent's last recovery found and decided", "",
     Recovery},
    {"drain", "[--max_grace_period D] [--mark_gone] [--wait]",
     "end all tasks and take no more, before maintenance",
     "      --max_grace_period D   no task gets more time than this\n"
     "      --mark_gone            the agent is not expected back\n"
     "      --wait                 until no task runs and every update is\n"
     "                             acknowledged\n",
     Drain},
    {"undrain", "", "take tasks again", "", Undrain},
    {"teardown", "[--grace D] FRAMEWORK",
     "end all tasks of a framework, and forget it",
     "      --grace D              between SIGTERM and SIGKILL\n", Teardown},
    {"retire", "[--grace D] [--message TEXT] AGENT_ID",
     "end everything and give up the agent's id",
     "      --grace D              between SIGTERM and SIGKILL\n"
     "      --message TEXT         why, for the tasks' last updates\n",
     Retire},
    {"recover", "--plan",
     "what a start of the agent would find and decide, changing nothing",
     "      --plan                 required\n"
     "      --strict true|false    as holdfastd's; true\n"
     "      --recover MODE         as holdfastd's: reconnect or cleanup\n"
     "      --work_dir DIR         as holdfastd's, as are the next; otherwise\n"
     "                             HOLDFAST_WORK_DIR …, otherwise the "
     "defaults\n"
     "      --runtime_dir DIR\n"
     "      --cgroups_root GROUP\n"
     "      --boot_id_file FILE\n",
     Recover},
    {"fsck", "[--repair]",
     "whether the agent's files can be read; exit 1 if not",
     "      --repair               move what is damaged aside; refused where "
     "a\n"
     "                             plugin or a shim has it\n"
     "      --work_dir DIR         as of recover\n"
     "      --runtime_dir DIR\n",
     Fsck},
};

constexpr char kGlobalOptions[] =
    "  -o, --output FORMAT        table or json\n"
    "      --address ADDRESS      the agent's socket, unix:/PATH or /PATH;\n"
    "                             otherwise HOLDFAST_ADDRESS, otherwise\n"
    "                             unix:/run/holdfast/holdfastd.sock\n"
    "      --timeout D            for each call (30secs), and for an agent\n"
    "                             that is away (no limit)\n"
    "  -h, --help\n"
    "      --version\n";

}  // namespace

absl::Span<const Command> Commands() { return kCommands; }

std::string Usage() {
  std::string text =
      "usage: holdfastctl [OPTION]... COMMAND [ARG]...\n"
      "A person's client of holdfastd, the agent of this machine.\n\n";
  for (const Command& command : kCommands) {
    absl::StrAppendFormat(&text, "  %-9s %s\n", command.name, command.summary);
  }
  absl::StrAppend(&text, "\n", kGlobalOptions,
                  "\nholdfastctl COMMAND --help has a command's own options.\n"
                  "Durations: 15mins, 75secs, 500ms, 1h30m. "
                  "Sizes: 64MiB, 1G, bytes.\n");
  return text;
}

std::string Usage(const Command& command) {
  return absl::StrCat("usage: holdfastctl ", command.name,
                      command.synopsis.empty() ? "" : " ", command.synopsis,
                      "\n", command.summary, "\n\n", command.options,
                      kGlobalOptions);
}

absl::StatusOr<std::string> AgentSocket(const Globals& globals) {
  if (!globals.socket_path.empty()) return globals.socket_path;
  const char* address = getenv("HOLDFAST_ADDRESS");
  if (address == nullptr || *address == '\0') address = kDefaultAddress;
  return SocketPath(address);
}

absl::StatusOr<Client> ConnectToAgent(const Globals& globals) {
  HOLDFAST_ASSIGN_OR_RETURN(std::string path, AgentSocket(globals));
  Client client(std::move(path), globals.timeout.value_or(kCallTimeout));
  HOLDFAST_RETURN_IF_ERROR(client.Connect());
  return client;
}

}  // namespace holdfast::ctl
