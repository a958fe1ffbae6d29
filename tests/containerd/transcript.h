#pragma once

#include <map>
#include <string>
#include <vector>

namespace holdfast::containerd {

// What was said in a script, call for call: the call's name, which is unique
// ("life: Pause c1 (2)"), and its outcome ("Unknown", "OK exit 7").
class Transcript {
 public:
  struct Entry {
    std::string call;
    std::string outcome;
    std::string text;  // of an error, as it came; not compared
  };

  void Add(const std::string& call, const std::string& outcome,
           const std::string& text);
  const std::vector<Entry>& entries() const { return entries_; }
  // What Golden() printed.
  static Transcript Parse(const std::string& golden);
  // A line for each, with the texts.
  std::string Print() const;
  // A line for each, without: what is kept as golden.
  std::string Golden() const;

 private:
  std::vector<Entry> entries_;
  std::map<std::string, int> times_;
};

// A difference that is meant, and why.
struct Intended {
  std::string call;
  std::string stock;
  std::string ours;
  std::string reason;
};

// What differs and is not listed, and what is listed and does not differ so;
// a line for each, none: it is as intended.
std::string Differences(const Transcript& stock, const Transcript& ours,
                        const std::vector<Intended>& intended);

}  // namespace holdfast::containerd
