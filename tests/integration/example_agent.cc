// An agent of another make, as small as it can be: Holdfast is its
// containerizer, and all that it keeps by itself is a list. It launches COUNT
// containers, waits for each, notes how it ended, and removes it; then it
// exits with 0. It may be killed at any moment and started again.
//   example_agent ADDRESS OWNER LIST COUNT LINE
// LIST, what it knows after a restart:   wanted ID     before its launch
//                                        ended ID CODE before its removal
// stdout, for whoever watches: "recovered ID STATE PID", "launched ID PID",
// "ended ID CODE", "removed ID".
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include <fstream>
#include <iostream>
#include <map>
#include <mutex>
#include <optional>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "base/unique_fd.h"
#include "tests/integration/container_client.h"

namespace holdfast {
namespace {

using Stub = ContainerClient::Stub;
using State = v1::RecoverResponse;

// Longer than any plugin is away in a test.
constexpr absl::Duration kPatience = absl::Minutes(2);

[[noreturn]] void Die(const std::string& what) {
  std::cerr << what << std::endl;
  _exit(1);
}

template <typename Response>
Response Must(const absl::StatusOr<Response>& response,
              const std::string& what) {
  if (!response.ok()) Die(what + ": " + response.status().ToString());
  return *response;
}

class ExampleAgent {
 public:
  ExampleAgent(const std::string& address, std::string owner,
               const std::string& list, std::string line)
      : client_(address), owner_(std::move(owner)), line_(std::move(line)) {
    ReadList(list);
    list_ = UniqueFd(
        open(list.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600));
    if (!list_) Die("open " + list);
  }

  void Run(int count) {
    Recover();
    for (int i = 0; i < count; ++i) {
      const std::string id = absl::StrCat("c-", i);
      if (containers_.count(id) != 0) continue;
      Note("wanted " + id);
      containers_[id];
      Launch(id);
    }
    std::vector<std::thread> threads;
    for (const auto& [id, exit_code] : containers_) {
      threads.emplace_back([this, &id = id] { SeeToItsEnd(id); });
    }
    for (std::thread& thread : threads) thread.join();
  }

 private:
  template <typename Request>
  Request About(const std::string& id) const {
    Request request;
    request.set_owner(owner_);
    request.set_container_id(id);
    return request;
  }

  void ReadList(const std::string& path) {
    std::ifstream file(path);
    std::string line;
    while (std::getline(file, line)) {
      std::istringstream words(line);
      std::string what, id;
      int exit_code = 0;
      words >> what >> id;
      containers_[id];
      if (what == "ended" && words >> exit_code) containers_[id] = exit_code;
    }
  }

  // On disk before anything is done about it.
  void Note(const std::string& line) {
    const std::string text = line + "\n";
    const ssize_t size = static_cast<ssize_t>(text.size());
    if (write(list_.get(), text.data(), text.size()) != size ||
        fdatasync(list_.get()) != 0) {
      Die("write " + line);
    }
  }

  void Say(const std::string& line) {
    const std::lock_guard<std::mutex> lock(mutex_);
    std::cout << line << std::endl;
  }

  void Recover() {
    v1::RecoverRequest request;
    request.set_owner(owner_);
    for (const auto& [id, ended] : containers_) request.add_container_ids(id);
    const State response =
        Must(client_.Insist(&Stub::Recover, request, kPatience), "recover");
    for (const State::Container& container : response.containers()) {
      const std::string& id = container.container_id();
      Say(absl::StrCat("recovered ", id, " ",
                       State::State_Name(container.state()), " ",
                       container.pid()));
      if (!container.named()) Die(id + ": nobody wanted it");
      if (container.state() == State::UNKNOWN) Die(id + ": it is unknown");
      if (container.state() != State::NEVER_STARTED) continue;
      // One whose end is noted was removed by an earlier life.
      if (containers_[id]) {
        containers_[id] = kRemoved;
      } else {
        Launch(id);
      }
    }
  }

  void Launch(const std::string& id) {
    auto request = About<v1::LaunchContainerRequest>(id);
    v1::ContainerConfig& config = *request.mutable_config();
    config.mutable_command()->set_value(line_);
    config.mutable_command()->set_shell(true);
    config.set_checkpoint(true);
    const auto launched =
        Must(client_.Insist(&Stub::Launch, request, kPatience), "launch " + id);
    if (launched.result() == v1::LaunchContainerResponse::NOT_SUPPORTED) {
      Die(launched.message());
    }
    Say(absl::StrCat("launched ", id, " ", launched.pid()));
  }

  void SeeToItsEnd(const std::string& id) {
    std::optional<int>& noted = containers_.at(id);
    if (noted == kRemoved) return;
    const v1::ContainerTermination end =
        Must(client_.Insist(&Stub::Wait, About<v1::WaitContainerRequest>(id),
                            kPatience),
             "wait " + id)
            .termination();
    const int exit_code = end.has_exit_code() ? end.exit_code() : -1;
    if (noted && *noted != exit_code) Die(id + ": it ended otherwise before");
    if (!noted) Note(absl::StrCat("ended ", id, " ", exit_code));
    Say(absl::StrCat("ended ", id, " ", exit_code));
    Must(client_.Insist(&Stub::Remove, About<v1::RemoveContainerRequest>(id),
                        kPatience),
         "remove " + id);
    Say("removed " + id);
  }

  static constexpr int kRemoved = 1000;  // no exit code

  ContainerClient client_;
  const std::string owner_;
  const std::string line_;
  UniqueFd list_;
  std::mutex mutex_;
  // Each that was wanted, with how it ended once that is noted.
  std::map<std::string, std::optional<int>> containers_;
};

}  // namespace
}  // namespace holdfast

int main(int argc, char** argv) {
  int count = 0;
  if (argc != 6 || !absl::SimpleAtoi(argv[4], &count)) {
    std::cerr << "usage: example_agent ADDRESS OWNER LIST COUNT LINE\n";
    return 64;
  }
  holdfast::ExampleAgent(argv[1], argv[2], argv[3], argv[5]).Run(count);
  std::cout << "done" << std::endl;
  return 0;
}
