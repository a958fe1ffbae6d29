#pragma once

#include <map>
#include <set>
#include <string>
#include <utility>

namespace holdfast {

// "holdfastd", "JournalAppended": a failpoint as one program reaches it.
using DeathPoint = std::pair<std::string, std::string>;

// The test's end of base/failpoint.h: what was reached, and who dies next.
class FailpointDirectory {
 public:
  // Makes it, for an agent that is started with `variable()`.
  explicit FailpointDirectory(std::string path);

  std::string variable() const;

  // From now on: nothing was reached.
  void Clear() const;
  // How often each was reached since Clear() or Arm().
  std::map<DeathPoint, int> Reached() const;

  // Whoever reaches `point` for the `times`-th time from now on dies.
  void Arm(const DeathPoint& point, int times) const;
  // Whether someone did.
  bool Died() const;
  // Nobody dies any more.
  void Disarm() const;

 private:
  std::string Path(const char* name) const;

  const std::string path_;
};

}  // namespace holdfast
