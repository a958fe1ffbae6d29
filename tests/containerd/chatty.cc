// In a container, linked statically: writes to standard output, and at its end
// to standard error how long the slowest of its writes took.
//   chatty LINES
// A line is its number in 9 digits, a space, and letters up to 200 bytes.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static long NowMicroseconds() {
  timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  const long lines = atol(argv[1]);
  char line[201];
  memset(line, 'x', sizeof(line));
  long slowest = 0;
  for (long i = 0; i < lines; ++i) {
    snprintf(line, sizeof(line), "%09ld ", i);
    line[10] = 'x';
    line[199] = '\n';
    const long start = NowMicroseconds();
    if (write(STDOUT_FILENO, line, 200) != 200) return 3;
    const long took = NowMicroseconds() - start;
    if (took > slowest) slowest = took;
  }
  dprintf(STDERR_FILENO, "%ld", slowest);
  return 0;
}
