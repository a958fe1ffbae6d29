#pragma once

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "api/records.pb.h"
#include "api/types.pb.h"
#include "plugin/modes.h"

namespace holdfast {

// One key of AgentInfo that is not what it was.
struct Difference {
  std::string key;     // "hostname", "resource cpus(web)", "attribute rack"
  std::string before;  // empty: there was none
  std::string after;   // empty: there is none
  bool allowed = false;
};

// What the policy says of each difference between the stored info and the one
// of this start; sorted by key. The agent's id is none.
//            hostname   new key   gone key   other value
//  equal     no         no        no         no
//  additive  no         yes       no         if it holds the former one
//  any       yes        yes       yes        yes
// Order, and how a value was written, are no difference. What the host has and
// nobody configured is no part of either: it may change as it likes.
std::vector<Difference> Compare(const v1::AgentInfo& stored,
                                const v1::AgentInfo& now,
                                ReconfigurationPolicy policy);

// "resource cpus: 8 -> 4; attribute rack: none -> r7"
std::string Describe(const std::vector<Difference>& differences);

// FailedPrecondition with the reason kReconfigurationRefused, all that is not
// allowed, and the cure; OK: nothing is.
inline constexpr char kReconfigurationRefused[] = "RECONFIGURATION_REFUSED";
absl::Status CheckReconfiguration(const v1::AgentInfo& stored,
                                  const v1::AgentInfo& now,
                                  ReconfigurationPolicy policy);

// Makes the info of `record` the one of this start, but for its id; whoever
// calls stores it. A record that was never stored is not compared, and one of
// another boot may differ in every way: no executor of that time lives, and
// the agent keeps its id. What is accepted is logged. FailedPrecondition: see
// CheckReconfiguration; the record is as it was.
absl::Status Reconfigure(const v1::AgentInfo& now, ReconfigurationPolicy policy,
                         const std::string& boot_id, v1::AgentRecord* record);

}  // namespace holdfast
