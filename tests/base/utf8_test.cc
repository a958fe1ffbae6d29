#include "base/utf8.h"

#include <gtest/gtest.h>

#include <string>

namespace holdfast {
namespace {

TEST(Utf8, IsNeverCutWithinACharacter) {
  const std::string text = "a\u00e4\u20ac\U0001F600";  // 1, 2, 3, 4 bytes

  std::string cuts;
  for (size_t most = 0; most <= text.size() + 1; ++most) {
    cuts += std::to_string(CutUtf8(text, most).size()) + " ";
  }

  EXPECT_EQ(cuts, "0 1 1 3 3 3 6 6 6 6 10 10 ");
}

TEST(Utf8, IsLeftAsItIsWhenItIsGood) {
  for (const std::string text :
       {"", "plain", "a\u00e4\u20ac\U0001F600", "\ud7ff\ue000\U0010FFFF"}) {
    EXPECT_EQ(MendUtf8(text), text);
  }
}

TEST(Utf8, GetsAQuestionMarkForEachByteThatIsOfNoCharacter) {
  EXPECT_EQ(MendUtf8("a\xffz"), "a?z");
  EXPECT_EQ(MendUtf8("\x80"), "?");
  EXPECT_EQ(MendUtf8("\xe2\x82"), "??");            // cut short
  EXPECT_EQ(MendUtf8("\xe2\x82z"), "??z");          // by another character
  EXPECT_EQ(MendUtf8("\xc0\xaf"), "??");            // longer than needed
  EXPECT_EQ(MendUtf8("\xe0\x80\xaf"), "???");       // the same
  EXPECT_EQ(MendUtf8("\xed\xa0\x80"), "???");       // a surrogate
  EXPECT_EQ(MendUtf8("\xf4\x90\x80\x80"), "????");  // past the last
  EXPECT_EQ(MendUtf8("\xf0\x80\x80\xaf"), "????");
}

}  // namespace
}  // namespace holdfast
