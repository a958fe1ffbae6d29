#include "plugin/checkpoint/spare_directory.h"

#include <memory>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "shim/records/journal.h"

namespace holdfast {
namespace {

constexpr char kPrefix[] = ".spare-";

}  // namespace

std::string SpareName(absl::string_view id) {
  return absl::StrCat(kPrefix, id);
}

absl::string_view IdOfSpare(absl::string_view name) {
  return absl::ConsumePrefix(&name, kPrefix) ? name : "";
}

std::string SparePath(const Layout& layout, absl::string_view id) {
  return layout.Executor(SpareName(id), /*checkpoint=*/true);
}

bool IsUnused(Files& files, const std::string& path) {
  const absl::StatusOr<std::unique_ptr<File>> file =
      files.Open(absl::StrCat(path, "/journal"), Files::Mode::kReadOnly);
  if (absl::IsNotFound(file.status())) return true;
  if (!file.ok()) return false;
  const absl::StatusOr<std::string> content = (*file)->ReadAll();
  if (!content.ok()) return false;
  const absl::StatusOr<Journal::Parsed> parsed = Journal::Parse(*content);
  return parsed.ok() && parsed->payloads.empty();
}

}  // namespace holdfast
