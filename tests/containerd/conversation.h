#pragma once

#include <sys/types.h>

#include <map>
#include <string>
#include <vector>

#include "tests/containerd/events_server.h"
#include "tests/containerd/task_client.h"
#include "tests/containerd/transcript.h"

namespace holdfast::containerd {

// Calls to one shim, each noted in a transcript with what is the same whatever
// shim answers: pids become the names of their processes, times go, of an
// error's text only what clients look for stays.
class Conversation {
 public:
  Conversation(Transcript& transcript, std::string scenario, TaskClient client,
               EventsServer& events)
      : transcript_(transcript),
        scenario_(std::move(scenario)),
        client_(client),
        events_(events) {}

  void Create(const task::CreateTaskRequest& request,
              const std::string& remark = "");
  // Of a container (`id`), or of an exec in it ("c1/e1").
  void Start(const std::string& process);
  void State(const std::string& process);
  void Delete(const std::string& process);
  void Kill(const std::string& process, int signal, bool all = false);
  // Until it has ended and the event of that has come.
  void Wait(const std::string& process);
  // Only asks: it is answered later, or not.
  void BeginWait(const std::string& process);
  void ExpectPending(const std::string& process);
  void AwaitPending(const std::string& process);
  void ResizePty(const std::string& process, uint32_t width, uint32_t height);
  void CloseIo(const std::string& process);

  void Exec(const std::string& process, const std::string& process_json,
            const task::ExecProcessRequest& more = {},
            const std::string& remark = "");
  void Pids(const std::string& id);
  void Stats(const std::string& id);
  void Pause(const std::string& id);
  void Resume(const std::string& id);
  void Connect(const std::string& id);
  void Checkpoint(const std::string& id, const std::string& path);
  void Update(const std::string& id, const std::string& resources_json);
  void Shutdown(const std::string& id);
  // After the last container; `may_be_lost`: a shim may exit before its answer
  // is with us, as the stock ones do now and then.
  void ShutdownLast(const std::string& id, bool may_be_lost);
  // Any service and method, with an empty request.
  void Ask(const std::string& service, const std::string& method);

  // A fact that the script found out by itself.
  void Note(const std::string& what, const std::string& outcome);
  // Everything that was published so far, until a `topic` of that process came.
  void NoteEvents(const std::string& last_topic, const std::string& process);

  pid_t pid(const std::string& process) const { return pids_.at(process); }

 private:
  void Say(const std::string& call, const absl::Status& status,
           const std::string& answer = "");
  std::string NameOf(uint32_t pid) const;
  void AwaitExitEvent(const std::string& process);
  std::string Described(const EventsServer::Envelope& event) const;

  Transcript& transcript_;
  const std::string scenario_;
  TaskClient client_;
  EventsServer& events_;
  void Learn(const std::string& process, uint32_t pid);

  std::map<std::string, pid_t> pids_;      // the newest of that name
  std::map<uint32_t, std::string> names_;  // of all there were
  std::map<std::string, uint32_t> waits_;
};

}  // namespace holdfast::containerd
