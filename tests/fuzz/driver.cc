// Runs a fuzz target where there is no libFuzzer, the same each time: its
// seeds, and mutations of them.
//   driver RUNS SEED       so many mutations
//   driver --corpus DIR    writes the seeds there, for libFuzzer
//   driver FILE…           these inputs
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "tests/fuzz/seeds.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

namespace holdfast {
namespace {

constexpr size_t kMaxBytes = 4096;

void Try(const std::string& input) {
  LLVMFuzzerTestOneInput(reinterpret_cast<const uint8_t*>(input.data()),
                         input.size());
}

// The standard says what mt19937 gives, and not what distributions make of it.
class Mutator {
 public:
  Mutator(const std::vector<std::string>& seeds, uint32_t seed)
      : seeds_(seeds), random_(seed) {}

  std::string Next() {
    std::string input;
    for (size_t parts = 1 + Below(5); parts > 0; --parts) {
      input += seeds_[Below(seeds_.size())];
    }
    for (size_t changes = Below(6); changes > 0; --changes) Change(input);
    input.resize(std::min(input.size(), kMaxBytes));
    return input;
  }

 private:
  size_t Below(size_t bound) { return random_() % bound; }

  void Change(std::string& input) {
    if (input.empty()) return;
    const size_t at = Below(input.size());
    const size_t size = 1 + Below(std::min(input.size() - at, size_t{16}));
    constexpr unsigned char kEdges[] = {0, 1, 2, 3, 0x7f, 0x80, 0xfe, 0xff};
    switch (Below(6)) {
      case 0:
        input[at] = static_cast<char>(input[at] ^ (1 << Below(8)));
        break;
      case 1:
        input[at] = static_cast<char>(kEdges[Below(sizeof kEdges)]);
        break;
      case 2:
        input[at] = static_cast<char>(random_());
        break;
      case 3:
        input.erase(at, size);
        break;
      case 4:
        input.insert(at, input.substr(Below(input.size()), size));
        break;
      default:
        input.resize(at);
    }
  }

  const std::vector<std::string>& seeds_;
  std::mt19937 random_;
};

int WriteCorpus(const std::string& directory) {
  int number = 0;
  for (const std::string& seed : FuzzSeeds()) {
    std::ofstream file(absl::StrCat(directory, "/seed-", ++number));
    file << seed;
    if (!file.flush()) {
      fprintf(stderr, "cannot write in %s\n", directory.c_str());
      return 1;
    }
  }
  return 0;
}

int RunFiles(int count, char** paths) {
  for (int i = 0; i < count; ++i) {
    std::ifstream file(paths[i]);
    if (!file) {
      fprintf(stderr, "cannot read %s\n", paths[i]);
      return 1;
    }
    Try(std::string(std::istreambuf_iterator<char>(file), {}));
  }
  return 0;
}

int RunMutations(int runs, uint32_t seed) {
  const std::vector<std::string> seeds = FuzzSeeds();
  for (const std::string& input : seeds) Try(input);
  for (const std::string& input : LargeFuzzSeeds()) Try(input);
  Mutator mutator(seeds, seed);
  for (int i = 0; i < runs; ++i) Try(mutator.Next());
  printf("%zu seeds and %d mutations of them\n", seeds.size(), runs);
  return 0;
}

}  // namespace
}  // namespace holdfast

int main(int argc, char** argv) {
  int runs = 0;
  uint32_t seed = 0;
  if (argc == 3 && strcmp(argv[1], "--corpus") == 0) {
    return holdfast::WriteCorpus(argv[2]);
  }
  if (argc == 3 && absl::SimpleAtoi(argv[1], &runs) &&
      absl::SimpleAtoi(argv[2], &seed)) {
    return holdfast::RunMutations(runs, seed);
  }
  return holdfast::RunFiles(argc - 1, argv + 1);
}
