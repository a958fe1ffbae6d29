#pragma once

// Every failpoint there is (base/failpoint.h), by where it stands. A name says
// what has just been done, or is just about to be: what a death there leaves.
// tests/crash/ says for each in which scenario it must be reached.
#define HOLDFAST_FAILPOINT_NAMES(X)                                  \
  /* A journal, of an executor or of the agent: shim/records/. */    \
  X(JournalAppending)                                                \
  X(JournalAppended)                                                 \
  X(JournalGrown)                                                    \
  X(JournalPutWritten)                                               \
  X(JournalPutRenamed)                                               \
  X(JournalCompacted)                                                \
  X(JournalTakenOver)                                                \
  /* The agent's own records: plugin/checkpoint/. */                 \
  X(RecordSaved)                                                     \
  X(FrameworkRemoved)                                                \
  /* A launch, in the agent. */                                      \
  X(SpareMade)                                                       \
  X(SparesSynced)                                                    \
  X(LaunchReceived)                                                  \
  X(LaunchClaimed)                                                   \
  X(LaunchRuntimeMade)                                               \
  X(LaunchGroupsMade)                                                \
  X(LaunchIntended)                                                  \
  X(LaunchNamed)                                                     \
  X(ShimSocketMade)                                                  \
  X(ShimSpawned)                                                     \
  X(LaunchNamesSynced)                                               \
  X(LaunchAnswered)                                                  \
  X(RollBackKilled)                                                  \
  /* A launch, in the shim. */                                       \
  X(ShimInItsGroup)                                                  \
  X(ShimInherited)                                                   \
  X(OutputsOpened)                                                   \
  X(ExecutorCloned)                                                  \
  X(ExecutorStarted)                                                 \
  X(StartRecorded)                                                   \
  X(ShimServing)                                                     \
  /* Between agent and shim: any message, then each by its name. */  \
  X(MessageSending)                                                  \
  X(MessageSent)                                                     \
  X(HelloReceived)                                                   \
  X(SnapshotReceived)                                                \
  X(ConfirmReceived)                                                 \
  X(AttachmentConfirmed)                                             \
  X(RecordReceived)                                                  \
  X(CallAnswered)                                                    \
  X(LinkLost)                                                        \
  /* An update, and its acknowledgement. */                          \
  X(RecordDurable)                                                   \
  X(RecordApplied)                                                   \
  X(UpdateShown)                                                     \
  X(AcknowledgementReceived)                                         \
  X(AcknowledgementForwarded)                                        \
  X(AcknowledgementRecorded)                                         \
  X(AcknowledgementConfirmed)                                        \
  X(AcknowledgementWritten)                                          \
  X(AcknowledgementAnswered)                                         \
  /* A custom executor's tasks. */                                   \
  X(ExecutorSubscribed)                                              \
  X(TaskIntended)                                                    \
  X(TaskHandedOver)                                                  \
  X(ExecutorUpdateStored)                                            \
  /* A kill, and the fence. */                                       \
  X(KillReceived)                                                    \
  X(KillForwarded)                                                   \
  X(KillRecorded)                                                    \
  X(ExecutorSignalled)                                               \
  X(ExecutorKilled)                                                  \
  X(KillAnswered)                                                    \
  X(LeaseRecorded)                                                   \
  X(FenceRecorded)                                                   \
  /* An executor's end, and what is removed after it. */             \
  X(EndSeen)                                                         \
  X(GroupEmptied)                                                    \
  X(OutputDrained)                                                   \
  X(EndRecorded)                                                     \
  X(OutputSynced)                                                    \
  X(ShimLeaving)                                                     \
  X(EndLearnt)                                                       \
  X(GroupsRemoved)                                                   \
  X(RemovalHidden)                                                   \
  X(RemovalSynced)                                                   \
  X(Removed)                                                         \
  /* A recovery, and the adoption of an executor by another shim. */ \
  X(CheckpointScanned)                                               \
  X(MovedAside)                                                      \
  X(NamesGiven)                                                      \
  X(LeftoversRemoved)                                                \
  X(RecoveryIsComplete)                                              \
  X(AdopteeFound)                                                    \
  X(AdoptionRecorded)                                                \
  /* What is decided for many. */                                    \
  X(DrainRecorded)                                                   \
  X(UndrainRecorded)                                                 \
  X(RetirementRecorded)                                              \
  X(TeardownRecorded)                                                \
  X(DueEndTold)                                                      \
  X(CleanedUp)                                                       \
  X(SparesRemoved)
