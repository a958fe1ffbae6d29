#include "shim/link/link_state.h"

#include "gtest/gtest.h"

namespace holdfast::shim {
namespace {

using enum LinkState;
using enum LinkEvent;

struct Transition {
  LinkState from;
  LinkEvent event;
  LinkState to;
};

// The picture in link_state.h, and what it leaves out: nothing happens then.
constexpr Transition kEveryTransition[] = {
    {kAttached, kAgentLost, kDetached},
    {kAttached, kAgentBack, kAttached},
    {kAttached, kTimeoutPassed, kAttached},
    {kDetached, kAgentLost, kDetached},
    {kDetached, kAgentBack, kAttached},
    {kDetached, kTimeoutPassed, kTerminating},
    {kTerminating, kAgentLost, kTerminating},
    {kTerminating, kAgentBack, kTerminating},
    {kTerminating, kTimeoutPassed, kTerminating},
};

TEST(Link, GoesWhereThePictureSaysFromEveryStateAtEveryEvent) {
  for (const auto& [from, event, to] : kEveryTransition) {
    EXPECT_EQ(Next(from, event), to) << "state " << static_cast<int>(from)
                                     << ", event " << static_cast<int>(event);
  }
}

TEST(Link, IsWalkedWhole) {
  bool walked[3][3] = {};

  for (const auto& [from, event, to] : kEveryTransition) {
    walked[static_cast<int>(from)][static_cast<int>(event)] = true;
  }

  for (const auto& events : walked) {
    for (const bool seen : events) EXPECT_TRUE(seen);
  }
}

}  // namespace
}  // namespace holdfast::shim
