#include "tests/bench/figures.h"

#include <algorithm>
#include <cstdio>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace holdfast::bench {
namespace {

double Ratio(const Figure& figure) {
  return figure.floor->value > 0 ? figure.value / figure.floor->value : 0;
}

std::string FormatNumber(const std::optional<double>& number) {
  if (!number) return "-";
  return absl::StrFormat("%.*f", *number < 10 ? 3 : 1, *number);
}

std::string FormatDoor(const Figure& figure) {
  if (!figure.door) return "";
  return absl::StrFormat(
      "%s %g: %s", figure.door->at_least ? ">=" : "<=", figure.door->value,
      figure.Held() ? "held" : "NOT HELD");
}

}  // namespace

bool Figure::Held() const {
  if (!door) return true;
  return door->at_least ? value >= door->value : value <= door->value;
}

Figure FigureOf(const Samples& samples) {
  Figure figure;
  figure.value = samples.Median();
  figure.n = samples.size();
  figure.p50 = samples.Median();
  figure.p99 = samples.Percentile(99);
  return figure;
}

// Names and units are ours and hold nothing that JSON would escape.
std::string ToJson(const Figure& figure) {
  std::string json = absl::StrFormat(
      R"({"section":"%s","name":"%s","value":%.6g,"unit":"%s","n":%d)",
      figure.section, figure.name, figure.value, figure.unit, figure.n);
  if (figure.p50) absl::StrAppendFormat(&json, R"(,"p50":%.6g)", *figure.p50);
  if (figure.p99) absl::StrAppendFormat(&json, R"(,"p99":%.6g)", *figure.p99);
  if (figure.floor) {
    absl::StrAppendFormat(
        &json, R"(,"floor":"%s","floor_value":%.6g,"ratio":%.4g)",
        figure.floor->name, figure.floor->value, Ratio(figure));
  }
  if (figure.door) {
    absl::StrAppendFormat(&json, R"(,"%s":%.6g,"held":%s)",
                          figure.door->at_least ? "at_least" : "at_most",
                          figure.door->value, figure.Held() ? "true" : "false");
  }
  return json + "}";
}

void Figures::Add(Figure figure) {
  puts(ToJson(figure).c_str());
  fflush(stdout);
  figures_.push_back(std::move(figure));
}

std::string Figures::Table() const {
  std::string table = absl::StrFormat(
      "\n%-9s %-34s %10s %-9s %6s %10s %10s  %-20s %s\n", "SECTION", "FIGURE",
      "MEDIAN", "UNIT", "N", "P99", "FLOOR", "DOOR", "FLOOR IS");
  for (const Figure& figure : figures_) {
    std::optional<double> floor;
    if (figure.floor) floor = figure.floor->value;
    absl::StrAppendFormat(
        &table, "%-9s %-34s %10s %-9s %6d %10s %10s  %-20s %s\n",
        figure.section, figure.name, FormatNumber(figure.value), figure.unit,
        figure.n, FormatNumber(figure.p99), FormatNumber(floor),
        FormatDoor(figure),
        figure.floor
            ? absl::StrFormat("%s (x %.2f)", figure.floor->name, Ratio(figure))
            : "");
  }
  return table;
}

bool Figures::AllHeld() const {
  return std::all_of(figures_.begin(), figures_.end(),
                     [](const Figure& figure) { return figure.Held(); });
}

}  // namespace holdfast::bench
