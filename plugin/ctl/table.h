#pragma once

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"

namespace holdfast::ctl {

// Columns two spaces apart, each as wide as its widest cell:
//   TASK ID  PID  COMMAND
//   web-1    712  sleep 100
// What tasks and executors write into their names and messages may not reach
// a terminal as it is: control characters become \n, \t, \x1b.
class Table {
 public:
  enum class Align { kLeft, kRight };
  struct Column {
    absl::string_view header;
    Align align = Align::kLeft;
  };

  explicit Table(std::vector<Column> columns) : columns_(std::move(columns)) {}

  // As many cells as there are columns. An empty one is shown as "-".
  void AddRow(std::vector<std::string> cells);

  // With the header, unless all of its words are empty.
  std::string Text() const;

 private:
  std::vector<Column> columns_;
  std::vector<std::vector<std::string>> rows_;
};

// "name:   value" lines, aligned as a table is.
std::string Pairs(
    const std::vector<std::pair<absl::string_view, std::string>>& pairs);

// `text` on one line, its control characters escaped.
std::string OneLine(absl::string_view text);

}  // namespace holdfast::ctl
