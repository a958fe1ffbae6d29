#include "shim/containerd/group.h"

#include <stdlib.h>
#include <unistd.h>

#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "base/files.h"
#include "base/unix_socket.h"
#include "gtest/gtest.h"
#include "tests/fakes/temporary_directory.h"

namespace holdfast::containerd {
namespace {

class GroupTest : public testing::Test {
 protected:
  TemporaryDirectory directory_;
  const Places places_ = {directory_.path() + "/tasks",
                          directory_.path() + "/groups",
                          directory_.path() + "/s"};
};

TEST_F(GroupTest, HasNoSocketAtFirst) {
  const auto group = Group::Lock(places_, "pod");

  ASSERT_TRUE(group.ok()) << group.status();
  EXPECT_EQ(group->FindSocket(), std::nullopt);
}

TEST_F(GroupTest, FindsTheSocketOfAShimThatLives) {
  Group::Socket socket;
  {
    const auto first = Group::Lock(places_, "pod");
    auto made = first->MakeSocket();
    ASSERT_TRUE(made.ok()) << made.status();
    socket = *std::move(made);
  }

  EXPECT_EQ(Group::Lock(places_, "pod")->FindSocket(), socket.path);
  EXPECT_EQ(Group::Lock(places_, "other")->FindSocket(), std::nullopt);
}

TEST_F(GroupTest, DoesNotFindTheSocketOfOneThatDied) {
  { (void)Group::Lock(places_, "pod")->MakeSocket(); }

  EXPECT_EQ(Group::Lock(places_, "pod")->FindSocket(), std::nullopt);
}

TEST_F(GroupTest, IsGoneWithItsShim) {
  const auto socket = Group::Lock(places_, "pod")->MakeSocket();
  ASSERT_TRUE(socket.ok()) << socket.status();

  LeaveGroup(places_, "pod", socket->path);

  EXPECT_NE(access(socket->path.c_str(), F_OK), 0);
  EXPECT_NE(access(places_.GroupDirectory("pod").c_str(), F_OK), 0);
}

TEST_F(GroupTest, OfAShimThatDiedIsRemovedAndNoOther) {
  std::string dead;
  { dead = Group::Lock(places_, "dead")->MakeSocket()->path; }
  const auto living = Group::Lock(places_, "living")->MakeSocket();

  for (const char* name : {"dead", "living", "absent"}) {
    RemoveDeadGroup(places_, name);
  }

  EXPECT_NE(access(dead.c_str(), F_OK), 0);
  EXPECT_NE(access(places_.GroupDirectory("dead").c_str(), F_OK), 0);
  EXPECT_NE(access(places_.GroupDirectory("absent").c_str(), F_OK), 0);
  EXPECT_EQ(Group::Lock(places_, "living")->FindSocket(), living->path);
}

TEST_F(GroupTest, IsNotTakenFromAShimThatWasMadeSince) {
  const auto former = Group::Lock(places_, "pod")->MakeSocket();
  const auto current = Group::Lock(places_, "pod")->MakeSocket();

  LeaveGroup(places_, "pod", former->path);

  EXPECT_EQ(Group::Lock(places_, "pod")->FindSocket(), current->path);
}

// What several `start` and the end of a shim do at once.
TEST_F(GroupTest, GivesAllOneSocketWhoeverComesFirst) {
  std::atomic<int> made = 0;
  std::vector<std::thread> threads;
  std::vector<UniqueFd> listening(8);
  for (size_t i = 0; i < listening.size(); ++i) {
    threads.emplace_back([&, i] {
      const auto group = Group::Lock(places_, "pod");
      ASSERT_TRUE(group.ok()) << group.status();
      if (group->FindSocket()) return;
      auto socket = group->MakeSocket();
      ASSERT_TRUE(socket.ok()) << socket.status();
      listening[i] = std::move(socket->listening);
      ++made;
    });
  }
  for (std::thread& thread : threads) thread.join();

  EXPECT_EQ(made, 1);
}

TEST_F(GroupTest, CanBeMadeWhileItsShimLeaves) {
  for (int round = 0; round < 20; ++round) {
    const auto former = Group::Lock(places_, "pod")->MakeSocket();
    ASSERT_TRUE(former.ok()) << former.status();
    std::thread leaving([&] { LeaveGroup(places_, "pod", former->path); });
    absl::StatusOr<Group::Socket> socket;
    {
      const auto group = Group::Lock(places_, "pod");
      ASSERT_TRUE(group.ok()) << group.status();
      socket = group->MakeSocket();
    }
    leaving.join();

    ASSERT_TRUE(socket.ok()) << socket.status();
    EXPECT_EQ(Group::Lock(places_, "pod")->FindSocket(), socket->path);
  }
}

// A shim that ends, and the `delete` of its last task.
TEST_F(GroupTest, IsGoneWhenTwoLeaveIt) {
  for (int round = 0; round < 200; ++round) {
    const auto socket = Group::Lock(places_, "pod")->MakeSocket();
    ASSERT_TRUE(socket.ok()) << socket.status();

    std::thread other([&] { ForgetGroup(places_, "pod"); });
    LeaveGroup(places_, "pod", socket->path);
    other.join();

    ASSERT_NE(access(places_.GroupDirectory("pod").c_str(), F_OK), 0) << round;
  }
}

}  // namespace
}  // namespace holdfast::containerd
