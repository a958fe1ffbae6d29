#include "shim/containerd/io/io_uri.h"

#include "gmock/gmock.h"

namespace holdfast::containerd {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

IoUri Parse(absl::string_view text) {
  absl::StatusOr<IoUri> uri = ParseIoUri(text);
  EXPECT_TRUE(uri.ok()) << uri.status();
  return uri.ok() ? *uri : IoUri();
}

TEST(IoUri, IsADevNullWhenEmpty) {
  EXPECT_EQ(Parse("").kind, IoUri::Kind::kNull);
}

TEST(IoUri, TakesABarePathAsItIs) {
  const IoUri uri = Parse("/run/a%20b?c");

  EXPECT_EQ(uri.kind, IoUri::Kind::kFifo);
  EXPECT_EQ(uri.path, "/run/a%20b?c");
}

TEST(IoUri, NamesFifosAndFilesByScheme) {
  EXPECT_EQ(Parse("fifo:///run/a%20b").kind, IoUri::Kind::kFifo);
  EXPECT_EQ(Parse("fifo:///run/a%20b").path, "/run/a b");
  EXPECT_EQ(Parse("file:///var/log/x").kind, IoUri::Kind::kFile);
  EXPECT_EQ(Parse("file:///var/log/x").path, "/var/log/x");
}

TEST(IoUri, MakesALoggersArgumentsOfItsQuery) {
  const IoUri uri = Parse("binary:///bin/log?-c=a+b%26c&flag&=x&-c=again");

  EXPECT_EQ(uri.kind, IoUri::Kind::kBinary);
  EXPECT_EQ(uri.path, "/bin/log");
  EXPECT_THAT(uri.arguments, ElementsAre("-c", "a b&c", "flag", "", "", "x"));
  EXPECT_FALSE(uri.says_ready);
}

TEST(IoUri, PassesOverPairsThatAreNotWellFormed) {
  EXPECT_THAT(Parse("binary:///bin/log?a=%zz&b;c=d&e=f").arguments,
              ElementsAre("e", "f"));
  EXPECT_THAT(Parse("binary:///bin/log").arguments, IsEmpty());
}

TEST(IoUri, KnowsALoggerThatSaysAByte) {
  EXPECT_TRUE(Parse("binary-v2:///bin/log").says_ready);
}

TEST(IoUri, RefusesOtherSchemesAndRelativePaths) {
  for (const char* text :
       {"npipe:////./pipe/x", "http://host/x", "file://host/x", "binary://",
        "fifo://relative", "file:///%zz"}) {
    const absl::Status status = ParseIoUri(text).status();
    EXPECT_TRUE(absl::IsInvalidArgument(status)) << text;
    EXPECT_THAT(std::string(status.message()), HasSubstr(text));
  }
}

}  // namespace
}  // namespace holdfast::containerd
