#pragma once

#include <sys/types.h>

#include <functional>
#include <string>
#include <vector>

#include "base/unique_fd.h"

namespace holdfast::ctl {

// The real holdfastctl as a child, its stdout and stderr read by us. Whatever
// is waited for fails the test after 20 s; a child that is left is killed.
class CtlProcess {
 public:
  struct Result {
    int exit_code;  // 128 + signal, as a shell has it
    std::string out;
    std::string err;
  };

  // `address` goes into HOLDFAST_ADDRESS; empty: it is not set.
  CtlProcess(const std::string& address, std::vector<std::string> arguments);
  ~CtlProcess();
  CtlProcess(const CtlProcess&) = delete;
  CtlProcess& operator=(const CtlProcess&) = delete;

  void WaitForOutput(const std::string& text);
  void WaitForError(const std::string& text);
  void Signal(int number) const;
  // As a reader that leaves: the child's next write is EPIPE.
  void CloseOutput() { out_fd_.Reset(); }
  // Reads all and reaps.
  Result Wait();

 private:
  // Reads until `done`, or both are at their end.
  void Pump(const std::function<bool()>& done);

  pid_t pid_ = -1;
  UniqueFd out_fd_;
  UniqueFd err_fd_;
  std::string out_;
  std::string err_;
};

// Runs it to its end.
CtlProcess::Result RunCtl(const std::string& address,
                          std::vector<std::string> arguments);

}  // namespace holdfast::ctl
