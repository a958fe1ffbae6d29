// The same script, played to the stock shims and to ours with the same OCI
// runtime: what is answered and what is published, call for call. What stock
// shims say is written down in stock_answers.txt; with RECORD_ANSWERS in the
// environment it is printed anew.
#include <iostream>

#include "absl/strings/str_replace.h"
#include "base/files.h"
#include "tests/containerd/intended_differences.h"
#include "tests/containerd/script.h"

namespace holdfast::containerd {
namespace {

Transcript WrittenDown() {
  return Transcript::Parse(ReadSmallFile(STOCK_ANSWERS).value_or(""));
}

class StockShimScript : public ScriptTest,
                        public testing::WithParamInterface<Peer> {};

TEST_P(StockShimScript, GetsTheAnswersThatAreWrittenDown) {
  SKIP_WITHOUT_PEER(GetParam());

  const Transcript said = Play(StockShim(GetParam()));

  const std::string differences =
      Differences(WrittenDown(), said, OfStockShim(GetParam()));
  EXPECT_TRUE(differences.empty()) << differences << "\n" << said.Print();
  if (getenv("RECORD_ANSWERS") != nullptr) std::cout << said.Golden();
}

INSTANTIATE_TEST_SUITE_P(
    Containerd, StockShimScript,
    testing::Values(kContainerd16, kContainerd17, kContainerd2),
    [](const auto& peer) {
      return "V" + absl::StrReplaceAll(peer.param.name, {{".", "v"}});
    });

using OurShimScript = ScriptTest;

TEST_F(OurShimScript, GetsTheStockShimsAnswersButForWhatIsIntended) {
  if (!OurShim().IsThere()) GTEST_SKIP() << "this build has no shim of ours";
  if (OciRuntimePath("runc").empty()) GTEST_SKIP() << "there is no runc";

  const Transcript said = Play(OurShim());

  const std::string differences = Differences(WrittenDown(), said, OfOurShim());
  EXPECT_TRUE(differences.empty()) << differences << "\n" << said.Print();
}

}  // namespace
}  // namespace holdfast::containerd
