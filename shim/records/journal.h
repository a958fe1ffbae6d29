#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "base/files.h"

namespace holdfast {

// An append-only file of frames, zero-filled ahead and overwritten in place,
// so that an append is one durable write of a few sectors and never a change
// of the file's metadata. One writer at a time: who holds the file's lock.
//
//   file    magic "HFJ" | version u8 | frame* | zeros
//   frame   length u32 | crc u32 | body           little-endian, length ≥ 1
//   body    (size u32 | payload)*                 what one append brought
//   crc     crc32c of the length's four bytes and the body
//
// One frame an append: its payloads survive together or not at all, in
// whatever order a dying disk wrote the sectors.
//
//   another magic              DataLoss at offset 0
//   a newer version            FailedPrecondition, naming both versions
//   length zero, only zeros after it      the end
//   bad frame, no good one after it       a torn append, never promised, if it
//                                         can be one (torn_tail.h): cut off
//                                         (zeroed before the next append); else
//                                         DataLoss
//   no zeros after the last frame         cut off, unless a block of 4 KiB ends
//                                         there: DataLoss
//   bad frame, a good one after it        DataLoss with the bad one's offset;
//                                         nothing is changed
//
// "After it" is looked for at every byte, so that a damaged length hides
// nothing. A file shorter than the header with nothing in it was never a
// journal: DataLoss. These errors carry their offset (damage_offset.h).
// Payloads: api/records.proto, by shim/bundle/executor_journal.h.
class Journal {
 public:
  static constexpr uint8_t kVersion = 1;
  // Enough for an ordinary launch and all that its end will write, so that a
  // disk that fills up meanwhile cannot keep an end from being recorded.
  static constexpr size_t kInitialBytes = size_t{16} * 1024;
  // What is free for later appends in a journal that was just made.
  static constexpr size_t kRoomBytes = size_t{8} * 1024;
  // Of one append, all of its payloads together.
  static constexpr size_t kMaxPayloadBytes = size_t{8} * 1024 * 1024;

  struct Opened;  // {Journal journal; std::vector<std::string> payloads;}

  // Writes header, `payloads` and the zeros after them in one durable write
  // into `file`, which is new and empty. The directory's entry is the
  // caller's to sync. The room after the payloads is at least kRoomBytes.
  static absl::StatusOr<Journal> Create(std::unique_ptr<File> file,
                                        absl::Span<const std::string> payloads);

  // Puts a new journal, locked, at `path`: it is written whole beside it and
  // renamed, so that no half of one ever has the name. What `path` named
  // before is replaced; the directory is the caller's to sync. An error:
  // `path` is as it was.
  static absl::StatusOr<Journal> Put(Files& files, const std::string& path,
                                     absl::Span<const std::string> payloads);

  // Reads all of `file`. Errors: see above; the file is left as it was.
  static absl::StatusOr<Opened> Open(std::unique_ptr<File> file);

  // What a content means, with no file at hand (fsck, tests).
  struct Parsed {
    std::vector<std::string> payloads;
    std::vector<size_t> offsets;  // of the frame that each payload came in
    size_t end = 0;               // where the next frame goes
    bool torn = false;  // something that was never promised stands at `end`
  };
  static absl::StatusOr<Parsed> Parse(absl::string_view content);

  // OK: all of `payloads`, in order, survive a crash, in one write. An error
  // of growing the file (ResourceExhausted: no room) changes nothing and may
  // be tried again; so does InvalidArgument (an empty payload, or too much).
  // Any other error: what reached the disk is unknown, and the journal takes
  // no more (FailedPrecondition) until opened again.
  absl::Status Append(absl::Span<const std::string> payloads);

  // Grows the file so that it takes `bytes` more before it grows again. Errors
  // change nothing.
  absl::Status Reserve(size_t bytes) { return GrowTo(end_ + bytes); }

  // Replaces the file at `path`, which is this journal's, by one that holds
  // `payloads` alone, also after a write that failed: they are all that was
  // promised. The new file is locked before it gets the name. After
  // an error the old file is still the journal, with one exception: where the
  // new one has the name and its directory cannot be synced, a power cut may
  // bring back either, so the journal takes no more until opened again (by
  // someone who can sync the directory).
  absl::Status Compact(Files& files, const std::string& path,
                       absl::Span<const std::string> payloads);

  // Whether a write has failed: it takes no more until Reopen.
  bool failed() const { return failed_; }

  // Reads the file again and takes appends again; its payloads. What is read
  // is written once more, since what the kernel remembers of a write that
  // failed need not be on the disk. Errors: as of Open, and of the write; the
  // journal takes no more then.
  absl::StatusOr<std::vector<std::string>> Reopen();

  // Bytes in frames, and what the file can take before it grows.
  size_t used_bytes() const { return end_; }
  size_t capacity_bytes() const { return capacity_; }
  File& file() { return *file_; }

 private:
  Journal(std::unique_ptr<File> file, size_t end, size_t capacity);
  static absl::StatusOr<Journal> CreateLocked(
      Files& files, const std::string& path,
      absl::Span<const std::string> payloads);
  absl::Status ClearTornTail();
  absl::Status GrowTo(size_t bytes);
  absl::Status WriteOrFail(size_t offset, absl::string_view bytes);

  std::unique_ptr<File> file_;
  size_t end_ = 0;          // the next frame's offset
  size_t capacity_ = 0;     // the file's size
  size_t clear_until_ = 0;  // zero [end_, clear_until_) with the next append
  bool failed_ = false;
};

struct Journal::Opened {
  Journal journal;
  std::vector<std::string> payloads;
  bool torn = false;
};

}  // namespace holdfast
