#include "tests/crash/must_reach.h"

#include <map>
#include <vector>

namespace holdfast {
namespace {

struct Points {
  std::vector<std::string> agents;
  std::vector<std::string> shims;
};

const std::map<std::string, Points>& Table() {
  static const auto* const table = new std::map<std::string, Points>{
      {"LaunchDeath.LeavesAnExecutorThatRunsOrNothing",
       {{"LaunchReceived", "LaunchClaimed", "LaunchRuntimeMade",
         "LaunchGroupsMade", "JournalPutWritten", "JournalPutRenamed",
         "LaunchIntended", "ShimSocketMade", "ShimSpawned", "MessageSending",
         "MessageSent", "SnapshotReceived", "AttachmentConfirmed",
         "LaunchAnswered", "UpdateShown", "SpareMade", "SparesSynced"},
        {"ShimInItsGroup", "ShimInherited", "OutputsOpened", "ExecutorCloned",
         "ExecutorStarted", "JournalAppending", "JournalAppended",
         "RecordDurable", "StartRecorded", "ShimServing", "HelloReceived",
         "ConfirmReceived", "MessageSending", "MessageSent"}}},
      {"LaunchDeath.LeavesTheSameOfOneInADirectoryMadeAhead",
       {{"JournalAppending", "JournalAppended", "LaunchIntended", "LaunchNamed",
         "LaunchNamesSynced"},
        {}}},
      {"LaunchDeath.LeavesNothingWhereTheNextLifeDiesToo",
       {{"CheckpointScanned", "NamesGiven", "JournalTakenOver",
         "RollBackKilled", "GroupsRemoved", "RemovalHidden", "RemovalSynced",
         "Removed", "RecoveryIsComplete"},
        {}}},
      {"LaunchDeath.OfATaskOfACustomExecutorLosesNoTask",
       {{"CallAnswered", "RecordReceived"},
        {"ExecutorSubscribed", "TaskIntended", "TaskHandedOver",
         "ExecutorUpdateStored", "KillForwarded"}}},
      {"LaunchDeath.OfATaskThatSaysMuchLosesNoUpdate",
       {{},
        {"JournalGrown", "JournalPutWritten", "JournalPutRenamed",
         "JournalCompacted"}}},
      {"EndDeath.OfAKillLeavesItDoneOrNotBegun",
       {{"KillReceived", "CallAnswered", "KillAnswered"},
        {"KillForwarded", "JournalAppending", "JournalAppended", "KillRecorded",
         "ExecutorSignalled", "ExecutorKilled"}}},
      {"EndDeath.OfItsOwnLosesNoExitStatusButAShims",
       {{"RecordReceived", "RecordApplied", "LinkLost", "JournalTakenOver",
         "EndLearnt", "GroupsRemoved"},
        {"EndSeen", "GroupEmptied", "OutputDrained", "JournalAppending",
         "JournalAppended", "EndRecorded", "OutputSynced", "ShimLeaving"}}},
      {"EndDeath.OfAnAcknowledgementForgetsNone",
       {{"UpdateShown", "AcknowledgementReceived", "AcknowledgementConfirmed",
         "AcknowledgementAnswered"},
        {"AcknowledgementForwarded", "JournalAppending", "JournalAppended",
         "AcknowledgementRecorded"}}},
      {"EndDeath.OfAnAcknowledgementToAnEndedOneForgetsNone",
       {{"AcknowledgementReceived", "JournalAppending", "JournalAppended",
         "AcknowledgementWritten", "AcknowledgementAnswered"},
        {}}},
      {"EndDeath.OfARemovalLeavesAllOrNothing",
       {{"RemovalHidden", "RemovalSynced", "Removed"}, {}}},
      {"EndDeath.OfALeaseKeepsItAsItWasAnswered",
       {{"CallAnswered"}, {"LeaseRecorded"}}},
      {"EndDeath.OfAFencedOneLeavesItEndedOrAdopted", {{}, {"FenceRecorded"}}},
      {"AgentDeath.OfAnAttachmentCostsNoExecutor",
       {{"CheckpointScanned", "LeftoversRemoved", "SnapshotReceived",
         "AttachmentConfirmed", "RecoveryIsComplete"},
        {"HelloReceived", "ConfirmReceived"}}},
      {"AgentDeath.OfADamagedRecordsQuarantineCostsNoExecutor",
       {{"MovedAside", "JournalPutRenamed", "RecordSaved"}, {}}},
      {"AgentDeath.OfAnAdoptionCostsNoExecutor",
       {{"LinkLost", "JournalTakenOver", "ShimSocketMade", "ShimSpawned",
         "AttachmentConfirmed"},
        {"ShimInherited", "AdopteeFound", "AdoptionRecorded", "ShimServing"}}},
      {"AgentDeath.OfADrainLeavesItDoneOrNotBegun",
       {{"JournalPutWritten", "JournalPutRenamed", "RecordSaved",
         "DrainRecorded", "DueEndTold", "UndrainRecorded"},
        {}}},
      {"AgentDeath.OfAShutdownLeavesItDoneOrNotBegun",
       {{"RecordSaved", "RetirementRecorded", "DueEndTold"}, {}}},
      {"AgentDeath.OfATeardownLeavesItDoneOrNotBegun",
       {{"RecordSaved", "TeardownRecorded", "DueEndTold", "FrameworkRemoved"},
        {}}},
      {"AgentDeath.OfACleanupIsMadeUpForByTheNext",
       {{"DueEndTold", "CleanedUp"}, {"KillForwarded", "KillRecorded"}}},
      {"AgentDeath.OfAStopCostsNoExecutor", {{"SparesRemoved"}, {}}},
  };
  return *table;
}

std::set<DeathPoint> Flat(const Points& points) {
  std::set<DeathPoint> flat;
  for (const std::string& name : points.agents) flat.emplace("holdfastd", name);
  for (const std::string& name : points.shims) {
    flat.emplace("holdfast-shim", name);
  }
  return flat;
}

}  // namespace

std::set<DeathPoint> MustReach(const std::string& test) {
  const auto found = Table().find(test);
  return found == Table().end() ? std::set<DeathPoint>() : Flat(found->second);
}

std::set<DeathPoint> AllThatMustBeReached() {
  std::set<DeathPoint> all;
  for (const auto& [test, points] : Table()) all.merge(Flat(points));
  return all;
}

}  // namespace holdfast
