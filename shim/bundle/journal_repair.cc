// ExecutorJournal: what a living writer does about a damaged file of its own.

#include <utility>

#include "absl/strings/str_cat.h"
#include "base/errors.h"
#include "shim/bundle/executor_journal.h"

namespace holdfast {
namespace {

// What is at `path`; NotFound where nothing is.
absl::StatusOr<std::string> ReadAt(Files& files, const std::string& path) {
  HOLDFAST_ASSIGN_OR_RETURN(std::unique_ptr<File> file,
                            files.Open(path, Files::Mode::kReadOnly));
  return file->ReadAll();
}

// A copy, so that the journal's name is never without a file.
absl::StatusOr<std::string> KeepAside(Files& files, const std::string& path,
                                      const std::string& content) {
  for (int n = 1;; ++n) {
    const std::string aside = absl::StrCat(path, ".damaged-", n);
    absl::StatusOr<std::unique_ptr<File>> file =
        files.Open(aside, Files::Mode::kCreate);
    if (absl::IsAlreadyExists(file.status())) continue;
    if (!file.ok()) return file.status();
    HOLDFAST_RETURN_IF_ERROR((*file)->WriteAt(0, content));
    return aside;
  }
}

}  // namespace

// Every frame has its checksum, so a file of ours that is good up to where we
// write next is what we wrote.
absl::StatusOr<bool> ExecutorJournal::IsWhole(absl::string_view content) {
  HOLDFAST_ASSIGN_OR_RETURN(const bool ours, journal_.file().IsStillAt(path_));
  const absl::StatusOr<Journal::Parsed> parsed = Journal::Parse(content);
  return ours && parsed.ok() && !parsed->torn &&
         parsed->end == journal_.used_bytes();
}

absl::StatusOr<ExecutorJournal::Repaired> ExecutorJournal::Repair() {
  Repaired repaired;
  const absl::StatusOr<std::string> content = ReadAt(*files_, path_);
  if (content.ok()) {
    HOLDFAST_ASSIGN_OR_RETURN(const bool whole, IsWhole(*content));
    if (whole && !journal_.failed()) return repaired;
    HOLDFAST_ASSIGN_OR_RETURN(repaired.kept_as,
                              KeepAside(*files_, path_, *content));
  } else if (!absl::IsNotFound(content.status())) {
    return content.status();
  }
  HOLDFAST_RETURN_IF_ERROR(CompactTo(facts_.Condensed()));
  repaired.rewritten = true;
  return repaired;
}

}  // namespace holdfast
