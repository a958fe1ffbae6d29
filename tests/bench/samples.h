#pragma once

#include <cstddef>
#include <vector>

namespace holdfast::bench {

// Measurements of one thing, in whatever unit their name says.
class Samples {
 public:
  void Add(double sample) { samples_.push_back(sample); }
  void Add(const std::vector<double>& samples);
  size_t size() const { return samples_.size(); }
  const std::vector<double>& all() const { return samples_; }

  // The smallest sample that `percent` of all do not exceed (nearest rank);
  // 0 without samples.
  double Percentile(double percent) const;
  double Median() const { return Percentile(50); }
  double Sum() const;
  double Max() const { return Percentile(100); }

 private:
  std::vector<double> samples_;
};

}  // namespace holdfast::bench
