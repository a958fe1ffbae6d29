#include "tests/interop/stock_client.h"

#include <grpcpp/impl/codegen/client_unary_call.h>
#include <grpcpp/impl/codegen/rpc_method.h>
#include <grpcpp/support/sync_stream.h>

#include <vector>

namespace holdfast::rpc {

grpc::ByteBuffer ToBuffer(const std::string& bytes) {
  const grpc::Slice slice(bytes);
  return grpc::ByteBuffer(&slice, 1);
}

std::string FromBuffer(const grpc::ByteBuffer& buffer) {
  std::vector<grpc::Slice> slices;
  if (!buffer.Dump(&slices).ok()) return "";
  std::string bytes;
  for (const grpc::Slice& slice : slices) {
    bytes.append(reinterpret_cast<const char*>(slice.begin()), slice.size());
  }
  return bytes;
}

std::shared_ptr<grpc::Channel> StockChannel(const std::string& address,
                                            grpc::ChannelArguments arguments) {
  arguments.SetMaxReceiveMessageSize(-1);
  arguments.SetMaxSendMessageSize(-1);
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  return grpc::CreateCustomChannel(address, grpc::InsecureChannelCredentials(),
                                   arguments);
}

StockAnswer StockUnary(grpc::Channel& channel, const char* path,
                       const std::string& request,
                       grpc::ClientContext& context) {
  const grpc::internal::RpcMethod method(path,
                                         grpc::internal::RpcMethod::NORMAL_RPC);
  grpc::ByteBuffer response;
  StockAnswer answer;
  answer.status =
      grpc::internal::BlockingUnaryCall<grpc::ByteBuffer, grpc::ByteBuffer>(
          &channel, method, &context, ToBuffer(request), &response);
  if (answer.status.ok()) answer.response = FromBuffer(response);
  return answer;
}

StockAnswer StockUnary(grpc::Channel& channel, const char* path,
                       const std::string& request) {
  grpc::ClientContext context;
  return StockUnary(channel, path, request, context);
}

std::unique_ptr<StockStream> StartStockStream(grpc::Channel& channel,
                                              const char* path,
                                              grpc::ClientContext& context) {
  const grpc::internal::RpcMethod method(
      path, grpc::internal::RpcMethod::BIDI_STREAMING);
  return std::unique_ptr<StockStream>(
      grpc::internal::ClientReaderWriterFactory<
          grpc::ByteBuffer, grpc::ByteBuffer>::Create(&channel, method,
                                                      &context));
}

}  // namespace holdfast::rpc
