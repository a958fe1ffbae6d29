#include "tests/bench/samples.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace holdfast::bench {

void Samples::Add(const std::vector<double>& samples) {
  samples_.insert(samples_.end(), samples.begin(), samples.end());
}

double Samples::Percentile(double percent) const {
  if (samples_.empty()) return 0;
  std::vector<double> sorted = samples_;
  std::sort(sorted.begin(), sorted.end());
  const double rank =
      std::ceil(percent / 100 * static_cast<double>(sorted.size()));
  const size_t index = rank < 1 ? 0 : static_cast<size_t>(rank) - 1;
  return sorted[std::min(index, sorted.size() - 1)];
}

double Samples::Sum() const {
  return std::accumulate(samples_.begin(), samples_.end(), 0.0);
}

}  // namespace holdfast::bench
