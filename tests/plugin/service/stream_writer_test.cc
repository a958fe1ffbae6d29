#include "plugin/service/stream_writer.h"

#include <gtest/gtest.h>

#include <condition_variable>
#include <string>

#include "absl/strings/str_cat.h"
#include "api/orchestrator.grpc.pb.h"
#include "tests/fakes/temporary_directory.h"

namespace holdfast {
namespace {

using Writer = StreamWriter<v1::LogsResponse>;

// What one thread of gRPC's tells the test.
class Signal {
 public:
  void Raise() {
    const std::lock_guard<std::mutex> lock(mutex_);
    ++raised_;
    changed_.notify_all();
  }
  bool Wait() {
    std::unique_lock<std::mutex> lock(mutex_);
    return changed_.wait_for(lock, std::chrono::seconds(20),
                             [this] { return raised_ > 0; });
  }
  int raised() {
    const std::lock_guard<std::mutex> lock(mutex_);
    return raised_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  int raised_ = 0;
};

// Every stream is written by the test.
class Service : public v1::Orchestrator::CallbackService {
 public:
  grpc::ServerWriteReactor<v1::LogsResponse>* Logs(
      grpc::CallbackServerContext*, const v1::LogsRequest*) override {
    auto* const reactor =
        writer->Start([this] { over.Raise(); }, [this] { room.Raise(); });
    started.Raise();
    return reactor;
  }

  const std::shared_ptr<Writer> writer = std::make_shared<Writer>();
  Signal started, over, room;
};

class StreamWriterTest : public testing::Test {
 protected:
  void SetUp() override {
    const std::string address = absl::StrCat("unix:", directory_ / "socket");
    grpc::ServerBuilder builder;
    builder.RegisterService(&service_);
    builder.AddListeningPort(address, grpc::InsecureServerCredentials());
    server_ = builder.BuildAndStart();
    ASSERT_NE(server_, nullptr);
    stub_ = v1::Orchestrator::NewStub(
        grpc::CreateChannel(address, grpc::InsecureChannelCredentials()));
    stream_ = stub_->Logs(&context_, v1::LogsRequest());
    ASSERT_TRUE(service_.started.Wait());
  }
  void TearDown() override {
    context_.TryCancel();
    stream_.reset();
    if (server_ != nullptr) server_->Shutdown();
  }

  void Send(int number, size_t padding = 0) {
    v1::LogsResponse response;
    response.set_offset(static_cast<uint64_t>(number));
    response.set_data(std::string(padding, 'x'));
    service_.writer->Send(std::move(response));
  }
  // The number that comes next; -1: the stream is over.
  int Read() {
    v1::LogsResponse response;
    return stream_->Read(&response) ? static_cast<int>(response.offset()) : -1;
  }

  const TemporaryDirectory directory_;
  Service service_;
  std::unique_ptr<grpc::Server> server_;
  std::unique_ptr<v1::Orchestrator::Stub> stub_;
  grpc::ClientContext context_;
  std::unique_ptr<grpc::ClientReader<v1::LogsResponse>> stream_;
};

TEST_F(StreamWriterTest, WritesEverythingInOrderAndThenEnds) {
  for (int i = 1; i <= 1000; ++i) Send(i);
  service_.writer->Finish(grpc::Status::OK);

  for (int i = 1; i <= 1000; ++i) ASSERT_EQ(Read(), i);
  EXPECT_EQ(Read(), -1);
  EXPECT_TRUE(stream_->Finish().ok());
  EXPECT_TRUE(service_.over.Wait());
  EXPECT_TRUE(service_.writer->over());
}

TEST_F(StreamWriterTest, WritesWhatIsSentWhileTheClientWaits) {
  Send(1);
  ASSERT_EQ(Read(), 1);
  EXPECT_FALSE(service_.writer->over());

  Send(2);

  EXPECT_EQ(Read(), 2);
}

TEST_F(StreamWriterTest, TellsTheClientWhyItEnds) {
  service_.writer->Finish(grpc::Status(grpc::StatusCode::ABORTED, "taken"));

  EXPECT_EQ(Read(), -1);
  const grpc::Status status = stream_->Finish();
  EXPECT_EQ(status.error_code(), grpc::StatusCode::ABORTED);
  EXPECT_EQ(status.error_message(), "taken");
}

TEST_F(StreamWriterTest, SendsNothingAfterItsEnd) {
  Send(1);
  service_.writer->Finish(grpc::Status::OK);
  Send(2);
  service_.writer->Finish(grpc::Status(grpc::StatusCode::ABORTED, "late"));

  EXPECT_EQ(Read(), 1);
  EXPECT_EQ(Read(), -1);
  EXPECT_TRUE(stream_->Finish().ok()) << "the first end counts";
  ASSERT_TRUE(service_.over.Wait());
  Send(3);
  EXPECT_EQ(service_.writer->queued(), 0u);
}

TEST_F(StreamWriterTest, IsOverWhenTheClientCancels) {
  context_.TryCancel();

  ASSERT_TRUE(service_.over.Wait());
  EXPECT_TRUE(service_.writer->over());
  Send(1);
  service_.writer->Finish(grpc::Status::OK);
  EXPECT_EQ(service_.writer->queued(), 0u);
  EXPECT_EQ(service_.over.raised(), 1);
}

TEST_F(StreamWriterTest, QueuesForASlowClientAndLosesNothing) {
  constexpr int kMessages = 200;
  for (int i = 1; i <= kMessages; ++i) Send(i, /*padding=*/64 * 1024);
  service_.writer->Finish(grpc::Status::OK);
  EXPECT_GT(service_.writer->queued(), 0u) << "12 MiB fit into no socket";

  for (int i = 1; i <= kMessages; ++i) ASSERT_EQ(Read(), i);

  EXPECT_EQ(Read(), -1);
  EXPECT_TRUE(stream_->Finish().ok());
}

TEST_F(StreamWriterTest, HasNoRoomForASlowClientUntilItReads) {
  int sent = 0;
  while (service_.writer->HasRoom()) {
    ASSERT_LT(sent, 2000) << "no end of what it takes";
    Send(++sent, /*padding=*/64 * 1024);
  }

  for (int i = 1; i <= sent; ++i) ASSERT_EQ(Read(), i);

  EXPECT_TRUE(service_.room.Wait());
  EXPECT_TRUE(service_.writer->HasRoom());
}

TEST_F(StreamWriterTest, TellsOfRoomOnlyWhoeverFoundNone) {
  for (int i = 1; i <= 100; ++i) Send(i, /*padding=*/64 * 1024);
  service_.writer->Finish(grpc::Status::OK);

  for (int i = 1; i <= 100; ++i) ASSERT_EQ(Read(), i);
  ASSERT_EQ(Read(), -1);

  ASSERT_TRUE(service_.over.Wait());
  EXPECT_EQ(service_.room.raised(), 0);
}

TEST_F(StreamWriterTest, DropsWhatIsQueuedForAClientThatCancels) {
  for (int i = 1; i <= 200; ++i) Send(i, /*padding=*/64 * 1024);
  ASSERT_EQ(Read(), 1);

  context_.TryCancel();

  ASSERT_TRUE(service_.over.Wait());
  EXPECT_EQ(service_.writer->queued(), 0u);
}

TEST_F(StreamWriterTest, OutlivesItsStream) {
  const std::weak_ptr<Writer> writer = service_.writer;
  context_.TryCancel();
  ASSERT_TRUE(service_.over.Wait());

  EXPECT_EQ(writer.use_count(), 1) << "nobody but the test holds it now";
}

}  // namespace
}  // namespace holdfast
