#include "tests/containerd/transcript.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace holdfast::containerd {
namespace {

using Outcomes = std::map<std::string, std::string>;

Outcomes OutcomesOf(const Transcript& transcript) {
  Outcomes outcomes;
  for (const Transcript::Entry& entry : transcript.entries())
    outcomes[entry.call] = entry.outcome;
  return outcomes;
}

std::string Outcome(const Outcomes& outcomes, const std::string& call) {
  const auto found = outcomes.find(call);
  return found == outcomes.end() ? "(not there)" : found->second;
}

}  // namespace

void Transcript::Add(const std::string& call, const std::string& outcome,
                     const std::string& text) {
  const int times = ++times_[call];
  entries_.push_back({times == 1 ? call : absl::StrCat(call, " (", times, ")"),
                      outcome, text});
}

Transcript Transcript::Parse(const std::string& golden) {
  Transcript transcript;
  for (const auto line : absl::StrSplit(golden, '\n', absl::SkipEmpty())) {
    if (line[0] == '#') continue;  // a comment
    const std::pair<std::string, std::string> parts =
        absl::StrSplit(line, absl::MaxSplits(" -> ", 1));
    // Repeated calls have their numbers already.
    transcript.entries_.push_back({parts.first, parts.second, ""});
  }
  return transcript;
}

std::string Transcript::Print() const {
  std::string lines;
  for (const Entry& entry : entries_) {
    absl::StrAppend(&lines, entry.call, " -> ", entry.outcome,
                    entry.text.empty() ? "" : "    # ", entry.text, "\n");
  }
  return lines;
}

std::string Transcript::Golden() const {
  std::string lines;
  for (const Entry& entry : entries_)
    absl::StrAppend(&lines, entry.call, " -> ", entry.outcome, "\n");
  return lines;
}

std::string Differences(const Transcript& stock, const Transcript& ours,
                        const std::vector<Intended>& intended) {
  const Outcomes stocks = OutcomesOf(stock);
  const Outcomes our = OutcomesOf(ours);
  Outcomes all = stocks;
  all.insert(our.begin(), our.end());
  for (const Intended& one : intended) all.insert({one.call, ""});
  std::string lines;
  for (const auto& entry : all) {
    const std::string& call = entry.first;
    const auto listed =
        std::find_if(intended.begin(), intended.end(),
                     [&call](const Intended& one) { return one.call == call; });
    const std::string stock_says = Outcome(stocks, call);
    const std::string we_say = Outcome(our, call);
    if (listed == intended.end() && stock_says != we_say) {
      absl::StrAppend(&lines, call, ": stock ", stock_says, ", ours ", we_say,
                      "\n");
    }
    if (listed != intended.end() &&
        (stock_says != listed->stock || we_say != listed->ours)) {
      absl::StrAppend(&lines, call, ": meant are stock ", listed->stock,
                      ", ours ", listed->ours, "; but stock ", stock_says,
                      ", ours ", we_say, "\n");
    }
  }
  return lines;
}

}  // namespace holdfast::containerd
