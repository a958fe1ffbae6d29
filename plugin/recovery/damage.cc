#include "plugin/recovery/damage.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "base/log.h"
#include "shim/records/damage_offset.h"

namespace holdfast {
namespace {

// "read journal PATH: read PATH: Is a directory" → "Is a directory"
std::string WithoutPath(absl::string_view text, absl::string_view path) {
  const size_t at = text.rfind(absl::StrCat(path, ": "));
  if (at == text.npos) return std::string(text);
  return std::string(text.substr(at + path.size() + 2));
}

std::string CureOf(const absl::Status& status, bool of_executor) {
  if (absl::IsFailedPrecondition(status) && OffsetOf(status)) {
    return "start the newer version of holdfastd that wrote it";
  }
  if (!of_executor) {
    return "put back a good copy, or start once with --strict=false: it is "
           "moved aside, and what can be is made anew from the journals";
  }
  return "put back a good copy, or start once with --strict=false: if its shim "
         "lives, the shim's facts are taken; else its directory is moved aside "
         "whole and its processes are left alone. With the plugin stopped, "
         "`holdfastctl fsck --repair` moves it aside, too";
}

}  // namespace

Damage MakeDamage(const std::string& file, const absl::Status& status,
                  const std::string& container_id) {
  Damage damage;
  damage.file = file;
  damage.offset_bytes = OffsetOf(status);
  damage.what = absl::IsNotFound(status)
                    ? "it is not there, but something ran here"
                    : WithoutPath(status.message(), file);
  damage.cure = CureOf(status, !container_id.empty());
  damage.container_id = container_id;
  return damage;
}

v1::GetRecoveryResponse::Damage ToProto(const Damage& damage) {
  v1::GetRecoveryResponse::Damage proto;
  proto.set_file(damage.file);
  if (damage.offset_bytes) proto.set_offset_bytes(*damage.offset_bytes);
  proto.set_what(damage.what);
  proto.set_cure(damage.cure);
  proto.set_container_id(damage.container_id);
  return proto;
}

Damage FromProto(const v1::GetRecoveryResponse::Damage& proto) {
  Damage damage;
  damage.file = proto.file();
  if (proto.has_offset_bytes()) damage.offset_bytes = proto.offset_bytes();
  damage.what = proto.what();
  damage.cure = proto.cure();
  damage.container_id = proto.container_id();
  return damage;
}

void LogDamage(const Damage& damage) {
  Log(Severity::kError, absl::StrCat("damaged: ", damage.what),
      {{"file", damage.file},
       {"offset", damage.offset_bytes ? absl::StrCat(*damage.offset_bytes)
                                      : std::string("-")},
       {"container",
        damage.container_id.empty() ? std::string("-") : damage.container_id},
       {"cure", damage.cure}});
}

std::string DamageText(absl::Span<const Damage> damage) {
  std::string text;
  for (size_t i = 0; i < damage.size(); ++i) {
    absl::StrAppend(&text, i + 1, ". ", damage[i].file);
    if (damage[i].offset_bytes) {
      absl::StrAppend(&text, ", at byte ", *damage[i].offset_bytes);
    }
    absl::StrAppend(&text, "\n   what:  ", damage[i].what,
                    "\n   cure:  ", damage[i].cure, "\n");
  }
  return text;
}

}  // namespace holdfast
