#include "tests/recovery/damaged_files.h"

#include "absl/strings/str_cat.h"
#include "shim/bundle/executor_journal.h"
#include "shim/records/journal.h"
#include "tests/fakes/fake_disk.h"
#include "tests/shim/bundle/records.h"

namespace holdfast {
namespace {

constexpr char kPath[] = "/j";

v1::JournalRecord StartedHere() {
  v1::JournalRecord record = StartedRecord(7);
  record.mutable_started()->set_boot_id("boot-1");
  return record;
}

v1::JournalRecord LongUpdate(uint64_t sequence, const std::string& uuid,
                             v1::TaskState state) {
  v1::JournalRecord record = UpdateRecord(sequence, uuid, state);
  record.mutable_update()->mutable_status()->set_message(
      std::string(1200, 'm'));
  return record;
}

using Appends = std::vector<std::vector<v1::JournalRecord>>;

GoodFile MakeJournal(const std::string& name, const v1::Intent& intent,
                     const Appends& appends) {
  FakeDisk disk;
  {
    auto journal = *ExecutorJournal::Create(disk, kPath, intent);
    for (const auto& records : appends) {
      if (!journal.Record(records).ok()) abort();  // the sample is wrong
    }
  }
  GoodFile file{.name = name, .content = disk.Content(kPath)};
  const Journal::Parsed parsed = *Journal::Parse(file.content);
  file.end = parsed.end;
  file.payloads = parsed.payloads;
  return file;
}

v1::Intent LargeIntent() {
  v1::Intent intent = AnIntent();
  for (int i = 0; i < 60; ++i) {
    intent.mutable_launch()->add_environment(
        absl::StrCat("VARIABLE_", i, "=", std::string(30, 'v')));
  }
  return intent;
}

}  // namespace

std::vector<GoodFile> GoodJournals() {
  const std::vector<v1::JournalRecord> start = {
      StartedHere(), UpdateRecord(1, "u-1", v1::TASK_RUNNING)};
  const std::vector<v1::JournalRecord> end = {
      ExitedRecord(7), UpdateRecord(2, "u-2", v1::TASK_FAILED)};
  const std::vector<v1::JournalRecord> first = {AcknowledgedRecord("u-1")};
  const std::vector<v1::JournalRecord> second = {AcknowledgedRecord("u-2")};
  return {
      MakeJournal("an intent alone", AnIntent(), {}),
      MakeJournal("a running executor", AnIntent(), {start}),
      MakeJournal("an acknowledged start", AnIntent(), {start, first}),
      MakeJournal("an end not yet told", AnIntent(), {start, first, end}),
      MakeJournal("an end that was told", AnIntent(),
                  {start, first, end, second}),
      MakeJournal("a large intent", LargeIntent(), {start}),
      MakeJournal("a large intent alone", LargeIntent(), {}),
      MakeJournal("long updates", AnIntent(),
                  {{StartedHere()},
                   {LongUpdate(1, "u-1", v1::TASK_RUNNING)},
                   first,
                   {ExitedRecord(7), LongUpdate(2, "u-2", v1::TASK_FAILED)}}),
      MakeJournal("further tasks and a kill", AnIntent(),
                  {start,
                   {TaskIntentRecord("t-8")},
                   {UpdateRecord(2, "u-8", v1::TASK_RUNNING, "t-8")},
                   {KillRecord("t-8")},
                   first,
                   {UpdateRecord(3, "u-9", v1::TASK_KILLED, "t-8")}}),
  };
}

void CutEverywhere(const GoodFile& file, size_t from, size_t to,
                   const TryDamage& attempt) {
  for (size_t size = from; size < to; ++size) {
    attempt(file.content.substr(0, size), absl::StrCat("cut to ", size));
  }
}

void FlipEverywhere(const GoodFile& file, size_t from, size_t to,
                    const TryDamage& attempt) {
  std::string content = file.content;
  for (size_t at = from; at < to; ++at) {
    const char good = content[at];
    const auto put = [&](int bad, const std::string& how) {
      if (static_cast<char>(bad) == good) return;
      content[at] = static_cast<char>(bad);
      attempt(content, absl::StrCat("byte ", at, " ", how));
    };
    for (int bit = 0; bit < 8; ++bit) {
      put(good ^ (1 << bit), absl::StrCat("bit ", bit, " flipped"));
    }
    put(~good, "turned over");
    put(0, "zeroed");
    put(0xff, "set");
    content[at] = good;
  }
}

}  // namespace holdfast
