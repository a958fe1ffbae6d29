#include "shim/rpc/ttrpc_messages.h"

#include <algorithm>
#include <cstdint>

#include "absl/strings/str_cat.h"
#include "api/containerd/ttrpc.pb.h"
#include "base/utf8.h"
#include "shim/rpc/ttrpc_frame.h"

namespace holdfast::rpc {
namespace {

// Of an error: what a runtime printed may be in it.
constexpr size_t kMaxTextBytes = size_t{32} * 1024;

std::string EncodeError(const absl::Status& status) {
  ttrpc::Response response;
  response.mutable_status()->set_code(status.raw_code());
  response.mutable_status()->set_message(
      MendUtf8(CutUtf8(status.message(), kMaxTextBytes)));
  return response.SerializeAsString();
}

}  // namespace

std::string EncodeTtrpcRequest(absl::string_view service,
                               absl::string_view method,
                               absl::string_view payload,
                               absl::Duration timeout,
                               const TtrpcMetadata& metadata) {
  ttrpc::Request request;
  request.set_service(std::string(service));
  request.set_method(std::string(method));
  request.set_payload(std::string(payload));
  if (timeout != absl::InfiniteDuration()) {
    // 0 would be none.
    request.set_timeout_nano(
        std::max(int64_t{1}, absl::ToInt64Nanoseconds(timeout)));
  }
  for (const auto& [key, value] : metadata) {
    ttrpc::KeyValue& entry = *request.add_metadata();
    entry.set_key(key);
    entry.set_value(value);
  }
  return request.SerializeAsString();
}

std::string EncodeTtrpcResponse(const absl::StatusOr<std::string>& result) {
  if (!result.ok()) return EncodeError(result.status());
  ttrpc::Response response;
  response.set_payload(*result);
  std::string data = response.SerializeAsString();
  if (data.size() <= kTtrpcMaxData) return data;
  return EncodeError(TtrpcTooLong("the response", data.size()));
}

absl::StatusOr<std::string> DecodeTtrpcResponse(absl::string_view data) {
  ttrpc::Response response;
  if (!response.ParseFromArray(data.data(), static_cast<int>(data.size()))) {
    return absl::InternalError("what came is no ttrpc response");
  }
  if (response.status().code() != 0) {
    return absl::Status(static_cast<absl::StatusCode>(response.status().code()),
                        response.status().message());
  }
  return std::move(*response.mutable_payload());
}

absl::Status TtrpcTooLong(absl::string_view what, size_t bytes) {
  return absl::ResourceExhaustedError(absl::StrCat(
      what, " is ", bytes, " bytes long; the limit is ", kTtrpcMaxData));
}

}  // namespace holdfast::rpc
