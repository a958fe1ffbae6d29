#include "shim/records/journal.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/errors.h"
#include "base/failpoint.h"
#include "shim/records/damage_offset.h"
#include "shim/records/frames.h"
#include "shim/records/torn_tail.h"

namespace holdfast {
namespace {

constexpr absl::string_view kMagic = "HFJ";
constexpr size_t kHeaderBytes = 4;                // magic and version
constexpr size_t kBlockBytes = size_t{4} * 1024;  // what file systems allocate

size_t RoundUp(size_t bytes) {
  return (bytes + kBlockBytes - 1) / kBlockBytes * kBlockBytes;
}

absl::Status CheckHeader(absl::string_view content) {
  if (content.size() < kHeaderBytes ||
      content.substr(0, kMagic.size()) != kMagic) {
    return WithOffset(
        absl::DataLossError(content.empty()
                                ? "not a journal: it is empty"
                                : "not a journal: no \"HFJ\" at offset 0"),
        0);
  }
  const auto version = static_cast<uint8_t>(content[kMagic.size()]);
  if (version > Journal::kVersion) {
    return WithOffset(absl::FailedPreconditionError(absl::StrCat(
                          "journal written as version ", version,
                          ", this reads up to ", Journal::kVersion)),
                      kMagic.size());
  }
  if (version == 0) {
    return WithOffset(
        absl::DataLossError("journal of version 0, which there never was"),
        kMagic.size());
  }
  return absl::OkStatus();
}

absl::Status CheckPayloads(absl::Span<const std::string> payloads) {
  size_t bytes = 0;
  for (const std::string& payload : payloads) {
    if (payload.empty()) {
      return absl::InvalidArgumentError("append to journal: an empty payload");
    }
    bytes += sizeof(uint32_t) + payload.size();
  }
  if (bytes > Journal::kMaxPayloadBytes) {
    return absl::InvalidArgumentError(absl::StrCat("append to journal: ", bytes,
                                                   " bytes, at most ",
                                                   Journal::kMaxPayloadBytes));
  }
  return absl::OkStatus();
}

}  // namespace

Journal::Journal(std::unique_ptr<File> file, size_t end, size_t capacity)
    : file_(std::move(file)), end_(end), capacity_(capacity) {}

absl::StatusOr<Journal::Parsed> Journal::Parse(absl::string_view content) {
  HOLDFAST_RETURN_IF_ERROR(CheckHeader(content));
  Parsed parsed;
  size_t at = kHeaderBytes;
  while (const size_t size = GoodFrameAt(content, at)) {
    if (!SplitFrame(content.substr(at, size), &parsed.payloads)) {
      return WithOffset(
          absl::DataLossError(absl::StrCat("the frame at offset ", at,
                                           " has no whole payloads")),
          at);
    }
    parsed.offsets.resize(parsed.payloads.size(), at);
    at += size;
  }
  parsed.end = at;
  // A file ends in zeros, or where a block does.
  if (at == content.size() && at % kBlockBytes != 0) {
    return WithOffset(
        absl::DataLossError(absl::StrCat("cut off at offset ", at)), at);
  }
  parsed.torn = content.find_first_not_of('\0', at) != content.npos;
  if (!parsed.torn) return parsed;
  const size_t good = FindGoodFrame(content, at + 1);
  if (good != content.npos) {
    return AsFollowed(WithOffset(
        absl::DataLossError(absl::StrCat("bad frame at offset ", at,
                                         ", and a good one at offset ", good)),
        at));
  }
  if (!MayBeTorn(content, at)) {
    return WithOffset(
        absl::DataLossError(absl::StrCat("bad frame at offset ", at,
                                         ", the last, which was whole once")),
        at);
  }
  return parsed;
}

absl::StatusOr<Journal> Journal::Create(
    std::unique_ptr<File> file, absl::Span<const std::string> payloads) {
  std::string content = absl::StrCat(kMagic, std::string(1, kVersion));
  for (size_t i = 0; i < payloads.size(); ++i) {
    HOLDFAST_RETURN_IF_ERROR(CheckPayloads(payloads.subspan(i, 1)));
    AppendFrame(payloads.subspan(i, 1), &content);
  }
  const size_t end = content.size();
  content.resize(std::max(kInitialBytes, RoundUp(end + kRoomBytes)));
  HOLDFAST_RETURN_IF_ERROR(file->WriteAt(0, content));
  return Journal(std::move(file), end, content.size());
}

absl::StatusOr<Journal> Journal::Put(Files& files, const std::string& path,
                                     absl::Span<const std::string> payloads) {
  const std::string beside = absl::StrCat(path, ".new");
  // One that an earlier death left behind.
  if (absl::Status removed = files.Remove(beside);
      !removed.ok() && !absl::IsNotFound(removed)) {
    return removed;
  }
  absl::StatusOr<Journal> journal = CreateLocked(files, beside, payloads);
  if (journal.ok()) {
    HOLDFAST_FAILPOINT(JournalPutWritten);
    absl::Status renamed = files.Rename(beside, path);
    HOLDFAST_FAILPOINT(JournalPutRenamed);
    if (!renamed.ok()) journal = std::move(renamed);
  }
  // A leftover costs room on a disk that may be full, and nothing else.
  if (!journal.ok()) (void)files.Remove(beside);
  return journal;
}

absl::StatusOr<Journal> Journal::CreateLocked(
    Files& files, const std::string& path,
    absl::Span<const std::string> payloads) {
  HOLDFAST_ASSIGN_OR_RETURN(std::unique_ptr<File> file,
                            files.Open(path, Files::Mode::kCreate));
  HOLDFAST_RETURN_IF_ERROR(file->TryLock());
  return Create(std::move(file), payloads);
}

absl::StatusOr<Journal::Opened> Journal::Open(std::unique_ptr<File> file) {
  HOLDFAST_ASSIGN_OR_RETURN(const std::string content, file->ReadAll());
  HOLDFAST_ASSIGN_OR_RETURN(Parsed parsed, Parse(content));
  Journal journal(std::move(file), parsed.end, content.size());
  if (parsed.torn) {
    journal.clear_until_ = content.find_last_not_of('\0') + 1;
  }
  return Opened{std::move(journal), std::move(parsed.payloads), parsed.torn};
}

absl::Status Journal::Append(absl::Span<const std::string> payloads) {
  if (payloads.empty()) return absl::OkStatus();
  HOLDFAST_RETURN_IF_ERROR(CheckPayloads(payloads));
  if (failed_) {
    return absl::FailedPreconditionError(
        "append to journal: what an earlier write left on the disk is "
        "unknown; it must be opened again");
  }
  std::string frame;
  AppendFrame(payloads, &frame);
  HOLDFAST_RETURN_IF_ERROR(ClearTornTail());
  HOLDFAST_RETURN_IF_ERROR(GrowTo(end_ + frame.size()));
  HOLDFAST_FAILPOINT(JournalAppending);
  HOLDFAST_RETURN_IF_ERROR(WriteOrFail(end_, frame));
  HOLDFAST_FAILPOINT(JournalAppended);
  end_ += frame.size();
  return absl::OkStatus();
}

// Before the frame and not with it: what is torn may be longer than the frame,
// and its rest would stand behind a promised one.
absl::Status Journal::ClearTornTail() {
  if (clear_until_ <= end_) return absl::OkStatus();
  HOLDFAST_RETURN_IF_ERROR(
      WriteOrFail(end_, std::string(clear_until_ - end_, '\0')));
  clear_until_ = 0;
  return absl::OkStatus();
}

// What a failed try left behind the end is zeros too, so it can be repeated.
absl::Status Journal::GrowTo(size_t bytes) {
  if (bytes <= capacity_) return absl::OkStatus();
  const size_t grown = std::max(2 * capacity_, RoundUp(bytes));
  HOLDFAST_RETURN_IF_ERROR(
      Annotate(file_->WriteAt(capacity_, std::string(grown - capacity_, '\0')),
               absl::StrCat("grow journal to ", grown, " bytes")));
  HOLDFAST_FAILPOINT(JournalGrown);
  capacity_ = grown;
  return absl::OkStatus();
}

absl::Status Journal::WriteOrFail(size_t offset, absl::string_view bytes) {
  absl::Status status = file_->WriteAt(offset, bytes);
  if (!status.ok()) failed_ = true;
  return status;
}

absl::StatusOr<std::vector<std::string>> Journal::Reopen() {
  failed_ = true;
  HOLDFAST_ASSIGN_OR_RETURN(std::string content, file_->ReadAll());
  absl::StatusOr<Parsed> read = Parse(content);
  // Here it is known what was never promised, whatever it looks like.
  if (OffsetOf(read.status()) == end_ && end_ < content.size()) {
    std::fill(content.begin() + static_cast<ptrdiff_t>(end_), content.end(),
              '\0');
    read = Parse(content);
  }
  HOLDFAST_ASSIGN_OR_RETURN(Parsed parsed, std::move(read));
  std::fill(content.begin() + static_cast<ptrdiff_t>(parsed.end), content.end(),
            '\0');
  HOLDFAST_RETURN_IF_ERROR(file_->WriteAt(0, content));
  end_ = parsed.end;
  capacity_ = content.size();
  clear_until_ = 0;
  failed_ = false;
  return std::move(parsed.payloads);
}

absl::Status Journal::Compact(Files& files, const std::string& path,
                              absl::Span<const std::string> payloads) {
  HOLDFAST_ASSIGN_OR_RETURN(Journal fresh, Put(files, path, payloads));
  // The new file has the name. The old one, and its lock, go with `fresh`.
  std::swap(*this, fresh);
  absl::Status synced = files.SyncDirectory(DirectoryOf(path));
  HOLDFAST_FAILPOINT(JournalCompacted);
  if (!synced.ok()) failed_ = true;
  return synced;
}

}  // namespace holdfast
