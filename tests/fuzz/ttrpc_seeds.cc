#include "shim/rpc/ttrpc_frame.h"
#include "shim/rpc/ttrpc_messages.h"
#include "tests/fuzz/seeds.h"
#include "tests/shim/rpc/ttrpc_vectors.h"

namespace holdfast {
namespace {

std::string Request(uint32_t stream, const std::string& method,
                    const std::string& payload) {
  return rpc::TtrpcFrame(
      rpc::TtrpcType::kRequest, stream,
      rpc::EncodeTtrpcRequest("containerd.task.v2.Task", method, payload,
                              absl::Seconds(1), {{"key", "value"}}));
}

}  // namespace

std::vector<std::string> FuzzSeeds() {
  std::vector<std::string> seeds;
  for (const absl::string_view vector : rpc::kTtrpcVectors) {
    seeds.push_back(rpc::VectorBytes(vector));
  }
  seeds.push_back(Request(1, "Pids", ""));
  seeds.push_back(Request(9, "Kill", "x") + Request(11, "Nothing", ""));
  seeds.push_back(Request(2, "Connect", "even"));
  seeds.push_back(rpc::TtrpcFrame(rpc::TtrpcType::kRequest, 13, ""));
  seeds.push_back(rpc::TtrpcFrame(rpc::TtrpcType::kData, 9, "data", 1));
  seeds.push_back(rpc::TtrpcFrame(static_cast<rpc::TtrpcType>(9), 15, "nine"));
  return seeds;
}

std::vector<std::string> LargeFuzzSeeds() {
  const auto frame = [](size_t size) {
    return rpc::TtrpcFrame(rpc::TtrpcType::kRequest, 1, std::string(size, 'x'));
  };
  const std::string next = Request(3, "Pids", "next");
  return {frame(rpc::kTtrpcMaxData) + next,
          frame(rpc::kTtrpcMaxData + 1) + next, frame(3 * rpc::kTtrpcMaxData),
          Request(1, "Connect", std::string(rpc::kTtrpcMaxData - 100, 'x'))};
}

}  // namespace holdfast
