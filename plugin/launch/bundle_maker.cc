#include "plugin/launch/bundle_maker.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/errors.h"
#include "base/failpoint.h"
#include "plugin/checkpoint/spare_directory.h"

namespace holdfast {
namespace {

// To the executor's user.
absl::Status GiveSandbox(const std::string& sandbox,
                         const v1::LaunchSpec& spec) {
  if (spec.change_user() &&
      chown(sandbox.c_str(), spec.uid(), spec.gid()) != 0) {
    return ErrnoStatus(errno, "chown", sandbox);
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<BundleMaker::Claim> BundleMaker::ClaimDirectory(
    const std::string& container_id, bool checkpoint) {
  if (checkpoint) {
    if (std::optional<Spare> spare = spares_.Take()) {
      HOLDFAST_RETURN_IF_ERROR(files_.Rename(SparePath(layout_, spare->id),
                                             SparePath(layout_, container_id)));
      // What is not there is made when it is missed.
      (void)rename(layout_.Shim(SpareName(spare->id)).c_str(),
                   layout_.Shim(container_id).c_str());
      return Claim{container_id, std::move(spare->journal)};
    }
  }
  // Its journal is 0600; the executor's user must be able to walk to its
  // sandbox and its socket.
  HOLDFAST_RETURN_IF_ERROR(
      files_.MakeDirectory(layout_.Executor(container_id, checkpoint), 0711));
  HOLDFAST_RETURN_IF_ERROR(
      files_.MakeDirectory(layout_.Sandbox(container_id, checkpoint), 0750));
  return Claim{container_id, std::nullopt};
}

absl::StatusOr<BundleMaker::Bundle> BundleMaker::Begin(
    Claim claim, const v1::Intent& intent) {
  return claim.journal ? BeginAhead(*std::move(claim.journal), intent)
                       : BeginAnew(intent);
}

// The intent is durable before the directory has the executor's name, so that
// what has that name is never without one.
absl::StatusOr<BundleMaker::Bundle> BundleMaker::BeginAhead(
    Journal journal, const v1::Intent& intent) {
  const std::string& id = intent.container_id();
  const std::string path = SparePath(layout_, id);
  HOLDFAST_RETURN_IF_ERROR(
      GiveSandbox(absl::StrCat(path, "/sandbox"), intent.launch()));
  HOLDFAST_ASSIGN_OR_RETURN(
      ExecutorJournal begun,
      ExecutorJournal::Begin(files_, std::move(journal),
                             layout_.Journal(id, true), intent));
  HOLDFAST_FAILPOINT(LaunchIntended);
  HOLDFAST_RETURN_IF_ERROR(files_.Rename(path, layout_.Executor(id, true)));
  HOLDFAST_FAILPOINT(LaunchNamed);
  return Bundle{std::move(begun), /*named=*/false};
}

absl::StatusOr<BundleMaker::Bundle> BundleMaker::BeginAnew(
    const v1::Intent& intent) {
  const std::string& id = intent.container_id();
  const bool checkpoint = intent.checkpoint();
  HOLDFAST_RETURN_IF_ERROR(
      GiveSandbox(layout_.Sandbox(id, checkpoint), intent.launch()));
  HOLDFAST_ASSIGN_OR_RETURN(
      ExecutorJournal journal,
      ExecutorJournal::Create(files_, layout_.Journal(id, checkpoint), intent));
  HOLDFAST_FAILPOINT(LaunchIntended);
  if (checkpoint) {
    HOLDFAST_RETURN_IF_ERROR(
        files_.SyncDirectory(layout_.Executor(id, checkpoint)));
    HOLDFAST_RETURN_IF_ERROR(SyncNames());
  }
  return Bundle{std::move(journal), /*named=*/true};
}

absl::Status BundleMaker::Abandon(const std::string& container_id) {
  return RemoveTree(SparePath(layout_, container_id));
}

}  // namespace holdfast
