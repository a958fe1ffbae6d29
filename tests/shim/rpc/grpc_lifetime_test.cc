// Who lives how long when calls, connections and servers end at awkward
// moments. What is used after its end is AddressSanitizer's to find.
#include <gtest/gtest.h>

#include <string>

#include "tests/shim/rpc/rpc_pair.h"

namespace holdfast::rpc {
namespace {

constexpr absl::Duration kForever = absl::InfiniteDuration();

// A handler of functions.
struct Script {
  std::function<void(ServerCall&)> on_message = [](ServerCall&) {};
  std::function<void(ServerCall&)> on_half_close = [](ServerCall&) {};
  std::function<void(ServerCall&)> on_gone = [](ServerCall&) {};
  int destroyed = 0;
  bool in_callback = false;
  bool destroyed_in_callback = false;
};

class ScriptedHandler final : public CallHandler {
 public:
  ScriptedHandler(Script& script, ServerCall& call)
      : script_(script), call_(call) {}
  ~ScriptedHandler() override {
    ++script_.destroyed;
    script_.destroyed_in_callback |= script_.in_callback;
  }
  void OnMessage(absl::string_view /*message*/) override {
    Play(script_.on_message);
  }
  void OnHalfClose() override { Play(script_.on_half_close); }
  void OnGone() override { Play(script_.on_gone); }

 private:
  void Play(const std::function<void(ServerCall&)>& part) {
    script_.in_callback = true;
    part(call_);
    script_.in_callback = false;
  }

  Script& script_;
  ServerCall& call_;
};

class GrpcLifetime : public testing::Test {
 protected:
  // Starts a call to a handler that plays `script`, with one message.
  ClientCall* StartScripted(CallLog& log) {
    rpc_.server->AddMethod("/test.T/Scripted", [this](ServerCall& call) {
      return std::make_unique<ScriptedHandler>(script_, call);
    });
    ClientCall* call =
        rpc_.client->Start("/test.T/Scripted", kForever, LogTo(log));
    call->Send("message");
    return call;
  }
  bool RunUntilDestroyed() {
    return rpc_.RunUntil([&] { return script_.destroyed > 0; });
  }

  Script script_;
  RpcPair rpc_;
};

TEST_F(GrpcLifetime, AHandlerOutlivesTheCallbackThatFinishes) {
  script_.on_message = [](ServerCall& call) {
    call.Finish(absl::AbortedError("in OnMessage"));
    call.Send("late");  // as the call is over, nothing
    call.Finish(absl::OkStatus());
  };
  script_.on_gone = [](ServerCall&) { FAIL() << "after Finish()"; };
  CallLog log;

  StartScripted(log);

  ASSERT_TRUE(rpc_.RunUntil([&] { return log.done > 0; }));
  EXPECT_EQ(log.status, absl::AbortedError("in OnMessage"));
  EXPECT_TRUE(log.messages.empty());
  ASSERT_TRUE(RunUntilDestroyed());
  EXPECT_FALSE(script_.destroyed_in_callback);
}

TEST_F(GrpcLifetime, MessagesAfterFinishAreNotHeard) {
  int messages = 0;
  script_.on_message = [&](ServerCall& call) {
    ++messages;
    call.Finish(absl::OkStatus());
  };
  script_.on_half_close = [](ServerCall&) { FAIL() << "after Finish()"; };
  CallLog log;

  ClientCall* call = StartScripted(log);
  for (int i = 0; i < 10; ++i) call->Send("more");
  call->HalfClose();

  ASSERT_TRUE(rpc_.RunUntil([&] { return log.done > 0; }));
  ASSERT_TRUE(RunUntilDestroyed());
  EXPECT_EQ(messages, 1);
}

TEST_F(GrpcLifetime, SendsWhatIsSentInOnHalfClose) {
  script_.on_half_close = [](ServerCall& call) {
    call.Send("one");
    call.Send("two");
    call.Finish(absl::OkStatus());
  };
  CallLog log;

  StartScripted(log)->HalfClose();

  ASSERT_TRUE(rpc_.RunUntil([&] { return log.done > 0; }));
  EXPECT_EQ(log.messages, (std::vector<std::string>{"one", "two"}));
}

TEST_F(GrpcLifetime, ACallIsFinishedFromATimerLater) {
  script_.on_message = [this](ServerCall& call) {
    rpc_.loop->After(absl::Milliseconds(5), [&call] {
      call.Send("later");
      call.Finish(absl::OkStatus());
    });
  };
  CallLog log;

  StartScripted(log);

  ASSERT_TRUE(rpc_.RunUntil([&] { return log.done > 0; }));
  EXPECT_EQ(log.messages, std::vector<std::string>{"later"});
  ASSERT_TRUE(RunUntilDestroyed());
}

TEST_F(GrpcLifetime, AMethodMayFinishInsteadOfMakingAHandler) {
  rpc_.server->AddMethod("/test.T/Refuses", [](ServerCall& call) {
    call.Finish(absl::PermissionDeniedError("no"));
    return nullptr;
  });
  rpc_.server->AddMethod("/test.T/Null", [](ServerCall&) { return nullptr; });

  EXPECT_EQ(rpc_.Unary("/test.T/Refuses", "x").status(),
            absl::PermissionDeniedError("no"));
  EXPECT_EQ(rpc_.Unary("/test.T/Null", "x").status().code(),
            absl::StatusCode::kInternal);
}

TEST_F(GrpcLifetime, TheConnectionMayBeLostDuringACallback) {
  int gone = 0;
  script_.on_message = [this](ServerCall& call) {
    rpc_.client.reset();  // closes the client's end at once
    call.Send("to nobody");
  };
  script_.on_gone = [&](ServerCall&) { ++gone; };
  CallLog log;

  StartScripted(log);

  ASSERT_TRUE(RunUntilDestroyed());
  EXPECT_EQ(gone, 1);
  EXPECT_EQ(rpc_.closed.size(), 1);
  EXPECT_EQ(log.done, 0);  // a destroyed client calls nothing back
}

TEST_F(GrpcLifetime, FinishIsFinalThoughTheConnectionIsLostAfterIt) {
  script_.on_message = [this](ServerCall& call) {
    call.Finish(absl::OkStatus());
    rpc_.client.reset();
  };
  script_.on_gone = [](ServerCall&) { FAIL() << "after Finish()"; };
  CallLog log;

  StartScripted(log);

  ASSERT_TRUE(RunUntilDestroyed());
  ASSERT_TRUE(rpc_.RunUntil([&] { return !rpc_.closed.empty(); }));
}

TEST_F(GrpcLifetime, OnGoneMayEndOtherCalls) {
  CallLog logs[2];
  script_.on_gone = [this](ServerCall&) {
    for (ServerCall* call : rpc_.log.hanging) call->Finish(absl::OkStatus());
  };
  ClientCall* call = StartScripted(logs[0]);
  rpc_.client->Start("/test.T/Hang", kForever, LogTo(logs[1]));
  ASSERT_TRUE(rpc_.RunUntil([&] { return !rpc_.log.hanging.empty(); }));

  call->Cancel();

  ASSERT_TRUE(rpc_.RunUntil([&] { return logs[1].done > 0; }));
  EXPECT_TRUE(logs[1].status.ok());
}

TEST_F(GrpcLifetime, AServerDestroyedWithOpenCallsLosesItsClients) {
  CallLog log;
  rpc_.client->Start("/test.T/Hang", kForever, LogTo(log));
  ASSERT_TRUE(rpc_.RunUntil([&] { return rpc_.log.made > 0; }));

  rpc_.server.reset();

  EXPECT_EQ(rpc_.log.destroyed, 1);
  EXPECT_EQ(rpc_.log.gone, 0);
  ASSERT_TRUE(rpc_.RunUntil([&] { return rpc_.lost > 0; }));
  EXPECT_EQ(log.done, 1);
  EXPECT_EQ(log.status.code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(rpc_.lost, 1);
}

TEST_F(GrpcLifetime, AServerMayBeDestroyedAsAConnectionCloses) {
  CallLog log;
  rpc_.server->OnConnectionClosed([this](uint64_t) { rpc_.server.reset(); });
  rpc_.client->Start("/test.T/Hang", kForever, LogTo(log));
  ASSERT_TRUE(rpc_.RunUntil([&] { return rpc_.log.made > 0; }));

  rpc_.client.reset();

  ASSERT_TRUE(rpc_.RunUntil([&] { return rpc_.server == nullptr; }));
  EXPECT_EQ(rpc_.log.gone, 1);
  EXPECT_EQ(rpc_.log.destroyed, 1);
}

TEST_F(GrpcLifetime, DrainRefusesWhatIsNewAndLetsCallsEnd) {
  CallLog log;
  CallLog late;
  bool drained = false;
  rpc_.client->Start("/test.T/Hang", kForever, LogTo(log));
  ASSERT_TRUE(rpc_.RunUntil([&] { return !rpc_.log.hanging.empty(); }));

  rpc_.server->Drain([&] { drained = true; });
  RunUntilQuiet(*rpc_.loop);
  rpc_.client->Start("/test.T/Echo", kForever, LogTo(late));
  ASSERT_TRUE(rpc_.RunUntil([&] { return late.done > 0; }));

  EXPECT_EQ(late.status.code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(log.done, 0);
  EXPECT_FALSE(drained);

  const std::string last(1 << 20, 'x');
  rpc_.log.hanging.front()->Send(last);
  rpc_.log.hanging.front()->Finish(absl::OkStatus());
  ASSERT_TRUE(rpc_.RunUntil([&] { return drained && rpc_.lost > 0; }));
  EXPECT_TRUE(log.status.ok()) << log.status;
  EXPECT_EQ(log.messages, std::vector<std::string>{last});
}

TEST_F(GrpcLifetime, DrainRefusesACallThatIsOnItsWay) {
  CallLog log;
  bool drained = false;
  ASSERT_TRUE(rpc_.Unary("/test.T/Unary", "x").ok());

  rpc_.server->Drain([&] { drained = true; });
  rpc_.client->Start("/test.T/Hang", kForever, LogTo(log));

  ASSERT_TRUE(rpc_.RunUntil([&] { return drained && log.done > 0; }));
  EXPECT_EQ(log.status.code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(rpc_.log.made, 0);
}

TEST_F(GrpcLifetime, DrainIsDoneWhenNobodyIsLeft) {
  bool drained = false;
  bool again = false;
  rpc_.client.reset();
  ASSERT_TRUE(rpc_.RunUntil([&] { return !rpc_.closed.empty(); }));

  rpc_.server->Drain([&] { drained = true; });
  EXPECT_FALSE(drained);  // from the loop
  ASSERT_TRUE(rpc_.RunUntil([&] { return drained; }));

  rpc_.server->Drain([&] {
    again = true;
    rpc_.server.reset();
  });
  ASSERT_TRUE(rpc_.RunUntil([&] { return again; }));
}

TEST_F(GrpcLifetime, ALostClientFailsItsCallsFirstAndNewOnesFromTheLoop) {
  CallLog open;
  CallLog late;
  rpc_.client->Start("/test.T/Hang", kForever, LogTo(open));
  ASSERT_TRUE(rpc_.RunUntil([&] { return rpc_.log.made > 0; }));
  rpc_.server.reset();
  ASSERT_TRUE(rpc_.RunUntil([&] { return rpc_.lost > 0; }));

  ClientCall* call = rpc_.client->Start("/test.T/Echo", kForever, LogTo(late));
  call->Send("x");
  call->HalfClose();

  EXPECT_EQ(open.done, 1);
  EXPECT_EQ(late.done, 0);
  ASSERT_TRUE(rpc_.RunUntil([&] { return late.done > 0; }));
  EXPECT_EQ(late.status.code(), absl::StatusCode::kUnavailable);
}

TEST_F(GrpcLifetime, AClientMayBeDestroyedInEachOfItsCallbacks) {
  for (const char* where : {"message", "done", "lost"}) {
    RpcPair rpc;
    CallLog other;
    auto [server_end, client_end] = ConnectedPair();
    ASSERT_TRUE(rpc.server->Serve(std::move(server_end)).ok());
    std::unique_ptr<GrpcClient> client;
    const auto destroy_in = [&](absl::string_view here) {
      if (here == where) client.reset();
    };
    client = std::make_unique<GrpcClient>(
        *rpc.loop, std::move(client_end),
        [&](const absl::Status&) { destroy_in("lost"); });
    client->Start("/test.T/Hang", kForever, LogTo(other));
    ClientCall* call = client->Start(
        "/test.T/Echo", kForever,
        {.on_message = [&](absl::string_view) { destroy_in("message"); },
         .on_done = [&](const absl::Status&) { destroy_in("done"); }});
    for (int i = 0; i < 3; ++i) call->Send("x");
    call->HalfClose();
    RunUntilQuiet(*rpc.loop);
    rpc.server.reset();

    ASSERT_TRUE(rpc.RunUntil([&] { return client == nullptr; })) << where;
  }
}

TEST_F(GrpcLifetime, ACallMayBeCancelledInItsOwnCallbacks) {
  int messages = 0;
  int done = 0;
  ClientCall* call = nullptr;
  call = rpc_.client->Start("/test.T/Echo", kForever,
                            {.on_message =
                                 [&](absl::string_view) {
                                   ++messages;
                                   call->Cancel();
                                   call->Cancel();  // nothing more
                                 },
                             .on_done =
                                 [&](const absl::Status& status) {
                                   ++done;
                                   EXPECT_TRUE(absl::IsCancelled(status));
                                   call->Cancel();
                                   call->Send("late");
                                 }});
  for (int i = 0; i < 10; ++i) call->Send("x");

  ASSERT_TRUE(rpc_.RunUntil([&] { return rpc_.log.gone > 0; }));
  EXPECT_EQ(messages, 1);
  EXPECT_EQ(done, 1);
}

}  // namespace
}  // namespace holdfast::rpc
