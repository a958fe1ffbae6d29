#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "hack/local_agent/client.h"

namespace holdfast {

// A WatchUpdates stream that is read step by step and acknowledges nothing by
// itself. What does not come within 20 s fails the test.
class UpdateStream {
 public:
  UpdateStream(hack::Client& client, const v1::WatchUpdatesRequest& request);
  ~UpdateStream();

  const v1::WatchUpdatesResponse::Header& header() const { return header_; }
  // The updates up to the end of what was there when it began.
  std::vector<v1::StatusUpdate> ReadSnapshot();
  // The next update.
  v1::StatusUpdate ReadUpdate();
  // Of the last thing that was read.
  const std::string& cursor() const { return cursor_; }
  // Reads to its end.
  absl::Status WaitForEnd();

 private:
  std::optional<v1::WatchUpdatesResponse> Read();

  grpc::ClientContext context_;
  std::unique_ptr<grpc::ClientReader<v1::WatchUpdatesResponse>> stream_;
  v1::WatchUpdatesResponse::Header header_;
  std::string cursor_;
};

}  // namespace holdfast
