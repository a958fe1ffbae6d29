#pragma once

namespace holdfast {

// How much longer our programs may take than usual, with a sanitizer in them:
// for whoever waits for one with a deadline, and for fences that a test has to
// be faster than.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
inline constexpr int kSlowness = 5;
#else
inline constexpr int kSlowness = 1;
#endif

}  // namespace holdfast
