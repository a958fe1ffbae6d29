#pragma once

#include <grpcpp/grpcpp.h>

#include <memory>
#include <string>

namespace holdfast::rpc {

// grpc++ as a client of the methods of test_service.h, whose messages are
// bytes: what a generated stub does, without a proto.
using StockStream =
    grpc::ClientReaderWriter<grpc::ByteBuffer, grpc::ByteBuffer>;

struct StockAnswer {
  grpc::Status status;
  std::string response;
};

grpc::ByteBuffer ToBuffer(const std::string& bytes);
std::string FromBuffer(const grpc::ByteBuffer& buffer);

// A channel to `address` with a connection of its own and messages of any
// size; `arguments` are added to.
std::shared_ptr<grpc::Channel> StockChannel(
    const std::string& address, grpc::ChannelArguments arguments = {});

StockAnswer StockUnary(grpc::Channel& channel, const char* path,
                       const std::string& request,
                       grpc::ClientContext& context);
StockAnswer StockUnary(grpc::Channel& channel, const char* path,
                       const std::string& request);

std::unique_ptr<StockStream> StartStockStream(grpc::Channel& channel,
                                              const char* path,
                                              grpc::ClientContext& context);

}  // namespace holdfast::rpc
