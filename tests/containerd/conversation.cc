#include "tests/containerd/conversation.h"

#include <algorithm>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "api/containerd/events.pb.h"
#include "api/containerd/runc_options.pb.h"
#include "gtest/gtest.h"

namespace holdfast::containerd {
namespace {

namespace events = ::containerd::events;
using google::protobuf::Empty;

// Words of an error that clients, or people, look for.
constexpr const char* kTelling[] = {
    "container not created", "process already finished",
    "/no/such/program",      "/no/such/runtime",
    "config.json",
};

std::string Telling(absl::string_view text) {
  std::string words;
  for (const char* word : kTelling) {
    if (absl::StrContains(text, word))
      absl::StrAppend(&words, " \"", word, "\"");
  }
  return words;
}

struct Names {
  std::string id;
  std::string exec_id;
};

// "c1" or "c1/e1".
Names Split(const std::string& process) {
  const std::pair<std::string, std::string> parts =
      absl::StrSplit(process, absl::MaxSplits('/', 1));
  return {parts.first, parts.second};
}

std::string Joined(const std::string& id, const std::string& exec_id) {
  return exec_id.empty() || exec_id == id ? id : id + "/" + exec_id;
}

template <typename Request>
Request About(const std::string& process) {
  const auto [id, exec_id] = Split(process);
  Request request;
  request.set_id(id);
  request.set_exec_id(exec_id);
  return request;
}

template <typename Request>
Request OfContainer(const std::string& id) {
  Request request;
  request.set_id(id);
  return request;
}

std::string Basename(absl::string_view path) {
  return std::string(path.substr(path.rfind('/') + 1));
}

// A time is there, or the answer is one of a process that runs.
std::string ExitOf(uint32_t status, bool has_time, int64_t seconds) {
  // Go's zero time is as good as none.
  return absl::StrCat("exit ", status,
                      has_time && seconds > 0 ? " at a time" : " at no time");
}

template <typename Answer>
std::string ExitOf(const Answer& answer) {
  return ExitOf(answer.exit_status(), answer.has_exited_at(),
                answer.exited_at().seconds());
}

template <typename Message>
Message Unpacked(const google::protobuf::Any& any) {
  Message message;
  EXPECT_TRUE(message.ParseFromString(any.value())) << any.type_url();
  return message;
}

// Who an event is about, as "c1" or "c1/e1".
std::string Subject(const EventsServer::Envelope& event) {
  if (event.topic() == "/tasks/exit") {
    const auto exit = Unpacked<events::TaskExit>(event.event());
    return Joined(exit.container_id(), exit.id());
  }
  if (absl::StartsWith(event.topic(), "/tasks/exec-")) {
    const auto exec = Unpacked<events::TaskExecAdded>(event.event());
    return Joined(exec.container_id(), exec.exec_id());
  }
  // In all others the container's id is the first field.
  return Unpacked<events::TaskPaused>(event.event()).container_id();
}

bool HasCome(const std::vector<EventsServer::Envelope>& events,
             const std::string& topic, const std::string& process) {
  return std::any_of(events.begin(), events.end(), [&](const auto& event) {
    return event.topic() == topic && Subject(event) == process;
  });
}

}  // namespace

void Conversation::Say(const std::string& call, const absl::Status& status,
                       const std::string& answer) {
  const std::string outcome =
      status.ok() ? absl::StrCat("OK", answer.empty() ? "" : " ", answer)
                  : absl::StrCat(absl::StatusCodeToString(status.code()),
                                 Telling(status.message()));
  transcript_.Add(scenario_ + ": " + call, outcome,
                  absl::StrReplaceAll(status.message(), {{"\n", "\\n"}}));
}

std::string Conversation::NameOf(uint32_t pid) const {
  if (pid == 0) return "0";
  const auto known = names_.find(pid);
  return known == names_.end() ? "another" : known->second;
}

void Conversation::Learn(const std::string& process, uint32_t pid) {
  pids_[process] = static_cast<pid_t>(pid);
  if (pid != 0) names_.insert({pid, process});
}

void Conversation::Create(const task::CreateTaskRequest& request,
                          const std::string& remark) {
  const auto answer = client_.Call<task::CreateTaskResponse>("Create", request);
  if (answer.ok()) Learn(request.id(), answer->pid());
  Say(absl::StrCat("Create ", request.id(), remark.empty() ? "" : " ", remark),
      answer.status(),
      answer.ok() ? (answer->pid() == 0 ? "pid 0" : "pid") : "");
}

void Conversation::Start(const std::string& process) {
  const auto answer = client_.Call<task::StartResponse>(
      "Start", About<task::StartRequest>(process));
  if (answer.ok()) Learn(process, answer->pid());
  Say("Start " + process, answer.status(),
      answer.ok() ? "pid of " + NameOf(answer->pid()) : "");
}

void Conversation::State(const std::string& process) {
  const auto answer = client_.Call<task::StateResponse>(
      "State", About<task::StateRequest>(process));
  std::string said;
  if (answer.ok()) {
    said = absl::StrCat(
        task::Status_Name(answer->status()), " pid of ", NameOf(answer->pid()),
        " ", ExitOf(*answer), " of ", Joined(answer->id(), answer->exec_id()),
        answer->terminal() ? " terminal" : "", " bundle ",
        Basename(answer->bundle()), " io \"", Basename(answer->stdin()),
        "\" \"", Basename(answer->stdout()), "\" \"",
        Basename(answer->stderr()), "\"");
  }
  Say("State " + process, answer.status(), said);
}

void Conversation::Delete(const std::string& process) {
  const auto answer = client_.Call<task::DeleteResponse>(
      "Delete", About<task::DeleteRequest>(process));
  Say("Delete " + process, answer.status(),
      answer.ok()
          ? absl::StrCat("pid of ", NameOf(answer->pid()), " ", ExitOf(*answer))
          : "");
}

void Conversation::Kill(const std::string& process, int signal, bool all) {
  auto request = About<task::KillRequest>(process);
  request.set_signal(static_cast<uint32_t>(signal));
  request.set_all(all);
  Say(absl::StrCat("Kill ", process, " ", signal, all ? " all" : ""),
      client_.Call<Empty>("Kill", request).status());
}

void Conversation::AwaitExitEvent(const std::string& process) {
  (void)events_.Await(  // where it does not come, NoteEvents() lacks it
      [&](const auto& all) { return HasCome(all, "/tasks/exit", process); },
      absl::Seconds(2));
}

void Conversation::Wait(const std::string& process) {
  BeginWait(process);
  AwaitPending(process);
}

void Conversation::BeginWait(const std::string& process) {
  waits_[process] = client_.Begin("Wait", About<task::WaitRequest>(process));
}

void Conversation::ExpectPending(const std::string& process) {
  Say("Wait " + process + ", answered yet", absl::OkStatus(),
      client_.caller().IsAnswered(waits_[process]) ? "yes" : "no");
}

void Conversation::AwaitPending(const std::string& process) {
  const auto answer = client_.Await<task::WaitResponse>(waits_[process]);
  if (answer.ok() && pids_.contains(process)) AwaitExitEvent(process);
  Say("Wait " + process, answer.status(), answer.ok() ? ExitOf(*answer) : "");
}

void Conversation::ResizePty(const std::string& process, uint32_t width,
                             uint32_t height) {
  auto request = About<task::ResizePtyRequest>(process);
  request.set_width(width);
  request.set_height(height);
  Say("ResizePty " + process,
      client_.Call<Empty>("ResizePty", request).status());
}

void Conversation::CloseIo(const std::string& process) {
  auto request = About<task::CloseIORequest>(process);
  request.set_stdin(true);
  Say("CloseIO " + process, client_.Call<Empty>("CloseIO", request).status());
}

void Conversation::Exec(const std::string& process,
                        const std::string& process_json,
                        const task::ExecProcessRequest& more,
                        const std::string& remark) {
  auto request = About<task::ExecProcessRequest>(process);
  request.MergeFrom(more);
  if (!process_json.empty()) {
    request.mutable_spec()->set_type_url(
        "types.containerd.io/opencontainers/runtime-spec/1/Process");
    request.mutable_spec()->set_value(process_json);
  }
  const absl::Status status = client_.Call<Empty>("Exec", request).status();
  Say(absl::StrCat("Exec ", process, remark.empty() ? "" : " ", remark),
      status);
}

void Conversation::Pids(const std::string& id) {
  const auto answer = client_.Call<task::PidsResponse>(
      "Pids", OfContainer<task::PidsRequest>(id));
  std::vector<std::string> said;
  if (answer.ok()) {
    for (const task::ProcessInfo& process : answer->processes()) {
      said.push_back(NameOf(process.pid()));
      if (!process.has_info()) continue;
      said.back() += " as " + Unpacked<::containerd::runc::v1::ProcessDetails>(
                                  process.info())
                                  .exec_id();
    }
  }
  std::sort(said.begin(), said.end());
  Say("Pids " + id, answer.status(),
      said.empty() ? "" : "of " + absl::StrJoin(said, ", "));
}

void Conversation::Stats(const std::string& id) {
  const auto answer = client_.Call<task::StatsResponse>(
      "Stats", OfContainer<task::StatsRequest>(id));
  Say("Stats " + id, answer.status(),
      answer.ok() ? Basename(answer->stats().type_url()) : "");
}

void Conversation::Pause(const std::string& id) {
  Say("Pause " + id,
      client_.Call<Empty>("Pause", OfContainer<task::PauseRequest>(id))
          .status());
}

void Conversation::Resume(const std::string& id) {
  Say("Resume " + id,
      client_.Call<Empty>("Resume", OfContainer<task::ResumeRequest>(id))
          .status());
}

void Conversation::Connect(const std::string& id) {
  const auto answer = client_.Call<task::ConnectResponse>(
      "Connect", OfContainer<task::ConnectRequest>(id));
  Say("Connect " + id, answer.status(),
      answer.ok() ? absl::StrCat(answer->shim_pid() > 0 ? "a shim" : "no shim",
                                 ", pid of ", NameOf(answer->task_pid()))
                  : "");
}

void Conversation::Checkpoint(const std::string& id, const std::string& path) {
  auto request = OfContainer<task::CheckpointTaskRequest>(id);
  request.set_path(path);
  Say("Checkpoint " + id, client_.Call<Empty>("Checkpoint", request).status());
}

void Conversation::Update(const std::string& id,
                          const std::string& resources_json) {
  auto request = OfContainer<task::UpdateTaskRequest>(id);
  request.mutable_resources()->set_type_url(
      "types.containerd.io/opencontainers/runtime-spec/1/LinuxResources");
  request.mutable_resources()->set_value(resources_json);
  Say(absl::StrCat("Update ", id, " ", resources_json),
      client_.Call<Empty>("Update", request).status());
}

void Conversation::Shutdown(const std::string& id) {
  Say("Shutdown " + id,
      client_.Call<Empty>("Shutdown", OfContainer<task::ShutdownRequest>(id))
          .status());
}

void Conversation::ShutdownLast(const std::string& id, bool may_be_lost) {
  absl::Status status =
      client_.Call<Empty>("Shutdown", OfContainer<task::ShutdownRequest>(id))
          .status();
  if (may_be_lost && absl::IsUnavailable(status)) status = absl::OkStatus();
  Say("Shutdown " + id + ", the last", status);
}

void Conversation::Ask(const std::string& service, const std::string& method) {
  const uint32_t stream = client_.caller().Begin(service, method, "");
  Say(absl::StrCat("ask ", service, "/", method),
      client_.caller().Await(stream, TaskClient::kTimeout).status());
}

void Conversation::Note(const std::string& what, const std::string& outcome) {
  transcript_.Add(scenario_ + ": " + what, absl::CEscape(outcome), "");
}

std::string Conversation::Described(const EventsServer::Envelope& event) const {
  const std::string said = absl::StrCat(event.topic(), " ", Subject(event), " ",
                                        Basename(event.event().type_url()));
  if (event.topic() == "/tasks/exit") {
    const auto exit = Unpacked<events::TaskExit>(event.event());
    return absl::StrCat(said, " pid of ", NameOf(exit.pid()), " ",
                        ExitOf(exit));
  }
  if (event.topic() == "/tasks/delete") {
    const auto deleted = Unpacked<events::TaskDelete>(event.event());
    return absl::StrCat(said, " pid of ", NameOf(deleted.pid()), " ",
                        ExitOf(deleted), " id \"", deleted.id(), "\"");
  }
  if (event.topic() == "/tasks/create") {
    const auto create = Unpacked<events::TaskCreate>(event.event());
    return absl::StrCat(said, " pid of ", NameOf(create.pid()), " bundle ",
                        Basename(create.bundle()), " rootfs ",
                        create.rootfs_size(),
                        create.io().terminal() ? " terminal" : "");
  }
  return said;
}

void Conversation::NoteEvents(const std::string& last_topic,
                              const std::string& process) {
  (void)events_.Await(
      [&](const auto& all) { return HasCome(all, last_topic, process); },
      absl::Seconds(3));
  int number = 0;
  std::string before;
  for (const EventsServer::Envelope& event : events_.events()) {
    const std::string description = Described(event);
    // Each OOM kill may be told, or all of them.
    if (event.topic() == "/tasks/oom" && description == before) continue;
    before = description;
    Note(absl::StrCat("event ", ++number), description);
  }
}

}  // namespace holdfast::containerd
