#include "base/crc32c.h"

#include <gtest/gtest.h>

#include <string>

namespace holdfast {
namespace {

TEST(Crc32c, AgreesWithThePublishedValues) {
  EXPECT_EQ(Crc32c(""), 0u);
  EXPECT_EQ(Crc32c("123456789"), 0xe3069283u);
  // RFC 3720, B.4.
  EXPECT_EQ(Crc32c(std::string(32, '\0')), 0x8a9136aau);
  EXPECT_EQ(Crc32c(std::string(32, '\xff')), 0x62a8ab43u);
}

// Bit by bit, as the polynomial is written down.
uint32_t Slowly(absl::string_view bytes) {
  uint32_t state = ~uint32_t{0};
  for (const char c : bytes) {
    state ^= static_cast<uint8_t>(c);
    for (int bit = 0; bit < 8; ++bit) {
      state = (state >> 1) ^ ((state & 1) != 0 ? 0x82f63b78u : 0u);
    }
  }
  return ~state;
}

TEST(Crc32c, AgreesWithTheDefinitionAtEveryLengthAndAlignment) {
  std::string bytes;
  for (int i = 0; i < 80; ++i) bytes += static_cast<char>(i * 37 + 11);
  for (size_t from = 0; from < 9; ++from) {
    for (size_t size = 0; from + size <= bytes.size(); ++size) {
      const absl::string_view part(bytes.data() + from, size);
      ASSERT_EQ(Crc32c(part), Slowly(part)) << from << " " << size;
    }
  }
}

TEST(Crc32c, GoesOnFromWhatCameBefore) {
  const absl::string_view whole = "a chain of two parts of odd lengths";
  for (size_t size = 0; size <= whole.size(); ++size) {
    EXPECT_EQ(Crc32c(whole.substr(size), Crc32c(whole.substr(0, size))),
              Crc32c(whole));
  }
}

}  // namespace
}  // namespace holdfast
