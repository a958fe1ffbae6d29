#include "tests/integration/update_stream.h"

#include "absl/time/clock.h"
#include "gtest/gtest.h"
#include "tests/fakes/slowness.h"

namespace holdfast {
namespace {

constexpr absl::Duration kPatience = absl::Seconds(20 * kSlowness);

}  // namespace

UpdateStream::UpdateStream(hack::Client& client,
                           const v1::WatchUpdatesRequest& request) {
  context_.set_deadline(absl::ToChronoTime(absl::Now() + kPatience));
  stream_ = client.stub().WatchUpdates(&context_, request);
  const std::optional<v1::WatchUpdatesResponse> first = Read();
  EXPECT_TRUE(first && first->has_header());
  if (first) header_ = first->header();
}

UpdateStream::~UpdateStream() { context_.TryCancel(); }

std::optional<v1::WatchUpdatesResponse> UpdateStream::Read() {
  v1::WatchUpdatesResponse response;
  if (!stream_->Read(&response)) return std::nullopt;
  cursor_ = response.cursor();
  return response;
}

std::vector<v1::StatusUpdate> UpdateStream::ReadSnapshot() {
  std::vector<v1::StatusUpdate> updates;
  while (true) {
    std::optional<v1::WatchUpdatesResponse> response = Read();
    if (!response) {
      ADD_FAILURE() << "it ended before its snapshot was complete: "
                    << hack::Client::ToAbsl(stream_->Finish());
      return updates;
    }
    if (response->snapshot_complete()) return updates;
    if (response->has_update())
      updates.push_back(std::move(*response->mutable_update()));
  }
}

v1::StatusUpdate UpdateStream::ReadUpdate() {
  while (true) {
    std::optional<v1::WatchUpdatesResponse> response = Read();
    if (!response) {
      ADD_FAILURE() << "it ended: " << hack::Client::ToAbsl(stream_->Finish());
      return v1::StatusUpdate();
    }
    if (response->has_update()) return std::move(*response->mutable_update());
  }
}

absl::Status UpdateStream::WaitForEnd() {
  while (Read()) {
  }
  return hack::Client::ToAbsl(stream_->Finish());
}

}  // namespace holdfast
