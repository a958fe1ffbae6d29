// The ends of ttrpc that other tests are written with, against each other.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "api/containerd/forward.pb.h"
#include "google/protobuf/empty.pb.h"
#include "tests/fakes/fake_events.h"
#include "tests/fakes/temporary_directory.h"
#include "tests/fakes/ttrpc_client.h"

namespace holdfast {
namespace {

using containerd::services::events::ttrpc::v1::ForwardRequest;
using google::protobuf::Empty;

constexpr char kEvents[] = "containerd.services.events.ttrpc.v1.Events";

ForwardRequest Event(const std::string& topic) {
  ForwardRequest request;
  request.mutable_envelope()->mutable_timestamp()->set_seconds(1);
  request.mutable_envelope()->set_namespace_("default");
  request.mutable_envelope()->set_topic(topic);
  return request;
}

class TtrpcFakes : public ::testing::Test {
 protected:
  BlockingTtrpcClient Connect() {
    auto client = BlockingTtrpcClient::Connect("unix://" + events_.path());
    EXPECT_TRUE(client.ok()) << client.status();
    return *std::move(client);
  }
  static absl::Status Forward(BlockingTtrpcClient& client,
                              const ForwardRequest& event) {
    return client.Call<Empty>(kEvents, "Forward", event).status();
  }

  TemporaryDirectory directory_;
  FakeEvents events_{directory_.path() + "/events.sock"};
};

TEST_F(TtrpcFakes, KeepTheEventsInTheirOrder) {
  BlockingTtrpcClient client = Connect();

  EXPECT_TRUE(Forward(client, Event("/tasks/create")).ok());
  EXPECT_TRUE(Forward(client, Event("/tasks/start")).ok());

  EXPECT_TRUE(events_.WaitForTopic("/tasks/start"));
  EXPECT_THAT(events_.topics(),
              ::testing::ElementsAre("/tasks/create", "/tasks/start"));
}

TEST_F(TtrpcFakes, RefuseAnEventWithoutItsEnvelopeFilled) {
  BlockingTtrpcClient client = Connect();

  EXPECT_EQ(Forward(client, ForwardRequest()).code(),
            absl::StatusCode::kInvalidArgument);

  EXPECT_TRUE(events_.events().empty());
  EXPECT_EQ(events_.requests(), 1);
}

TEST_F(TtrpcFakes, AnswerAsTheyAreTold) {
  BlockingTtrpcClient client = Connect();
  events_.AnswerWith(absl::UnavailableError("not now"));

  EXPECT_EQ(Forward(client, Event("/tasks/exit")),
            absl::UnavailableError("not now"));

  EXPECT_TRUE(events_.events().empty());
}

TEST_F(TtrpcFakes, HangWhenTheyAreTold) {
  BlockingTtrpcClient client = Connect();
  events_.Hang();
  const uint32_t hung =
      client.Start(kEvents, "Forward", Event("/a").SerializeAsString());
  ASSERT_TRUE(events_.WaitForRequests(1));
  events_.AnswerWith(absl::OkStatus());

  EXPECT_TRUE(Forward(client, Event("/b")).ok());

  EXPECT_FALSE(client.IsAnswered(hung));
  EXPECT_EQ(client.Await(hung, absl::ZeroDuration()).status().code(),
            absl::StatusCode::kAborted);
  EXPECT_THAT(events_.topics(), ::testing::ElementsAre("/b"));
}

TEST_F(TtrpcFakes, CloseTheirConnectionsWhenTheyStop) {
  BlockingTtrpcClient client = Connect();
  ASSERT_TRUE(Forward(client, Event("/before")).ok());

  events_.Stop();

  EXPECT_TRUE(client.AwaitClosed());
  EXPECT_EQ(Forward(client, Event("/lost")).code(),
            absl::StatusCode::kUnavailable);
  EXPECT_EQ(BlockingTtrpcClient::Connect(events_.path()).status().code(),
            absl::StatusCode::kUnavailable);
  events_.Start();
  BlockingTtrpcClient again = Connect();
  EXPECT_TRUE(Forward(again, Event("/after")).ok());
}

TEST_F(TtrpcFakes, AnswerCallsThatWereStartedTogether) {
  BlockingTtrpcClient client = Connect();
  const uint32_t first =
      client.Start(kEvents, "Forward", Event("/1").SerializeAsString());
  const uint32_t second = client.Start(kEvents, "Nothing", "");

  EXPECT_EQ(client.Await(second).status(),
            absl::UnimplementedError("method Nothing"));

  EXPECT_TRUE(client.Await(first).ok());
}

}  // namespace
}  // namespace holdfast
