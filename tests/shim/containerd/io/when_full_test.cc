#include "shim/containerd/io/when_full.h"

#include "gtest/gtest.h"

namespace holdfast::containerd {
namespace {

TEST(WhenFull, MakesTheProcessWaitForAReaderThatIsThere) {
  for (const WhenFull policy :
       {WhenFull::kSpool, WhenFull::kDropOldest, WhenFull::kBlock}) {
    EXPECT_EQ(RemedyFor(policy, /*reader_is_away=*/false), Remedy::kWait);
  }
}

TEST(WhenFull, DecidesWhatIsLostWhileNobodyReads) {
  EXPECT_EQ(RemedyFor(WhenFull::kSpool, true), Remedy::kDropNewest);
  EXPECT_EQ(RemedyFor(WhenFull::kDropOldest, true), Remedy::kDropOldest);
  EXPECT_EQ(RemedyFor(WhenFull::kBlock, true), Remedy::kWait);
}

}  // namespace
}  // namespace holdfast::containerd
