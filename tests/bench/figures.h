#pragma once

#include <optional>
#include <string>
#include <vector>

#include "tests/bench/samples.h"

namespace holdfast::bench {

// The least that is accepted: at most (or at least) so much.
struct Door {
  double value = 0;
  bool at_least = false;
};

// What the machine itself needs for the bare minimum of the same work,
// measured in the same run: ratios travel from machine to machine, times do
// not.
struct Floor {
  std::string name;
  double value = 0;
};

struct Figure {
  std::string section;
  std::string name;
  std::string unit;
  double value = 0;
  size_t n = 1;
  std::optional<double> p50;
  std::optional<double> p99;
  std::optional<Floor> floor = {};
  std::optional<Door> door = {};

  bool Held() const;  // true without a door
};

// A figure whose value is the median.
Figure FigureOf(const Samples& samples);

// Everything measured, written down at once: a JSON object a line.
class Figures {
 public:
  void Add(Figure figure);
  std::string Table() const;
  bool AllHeld() const;

 private:
  std::vector<Figure> figures_;
};

std::string ToJson(const Figure& figure);

}  // namespace holdfast::bench
