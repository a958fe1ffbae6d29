#include "plugin/ctl/table.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace holdfast::ctl {
namespace {

// Code points of UTF-8: a cell's width, as long as it has no wide ones.
size_t Width(absl::string_view text) {
  return static_cast<size_t>(std::count_if(
      text.begin(), text.end(),
      [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; }));
}

void AppendCell(std::string& line, absl::string_view cell, size_t width,
                Table::Align align) {
  const std::string padding(width - std::min(width, Width(cell)), ' ');
  if (align == Table::Align::kRight) {
    absl::StrAppend(&line, padding, cell, "  ");
  } else {
    absl::StrAppend(&line, cell, padding, "  ");
  }
}

}  // namespace

std::string OneLine(absl::string_view text) {
  std::string line;
  for (const char c : text) {
    if (c == '\n') {
      line += "\\n";
    } else if (c == '\t') {
      line += "\\t";
    } else if (absl::ascii_iscntrl(c)) {
      absl::StrAppendFormat(&line, "\\x%02x", static_cast<unsigned char>(c));
    } else {
      line += c;
    }
  }
  return line;
}

void Table::AddRow(std::vector<std::string> cells) {
  for (std::string& cell : cells) cell = cell.empty() ? "-" : OneLine(cell);
  rows_.push_back(std::move(cells));
}

std::string Table::Text() const {
  std::vector<std::string> header;
  bool has_header = false;
  for (const Column& column : columns_) {
    header.emplace_back(column.header);
    has_header = has_header || !column.header.empty();
  }
  std::vector<const std::vector<std::string>*> lines;
  if (has_header) lines.push_back(&header);
  for (const std::vector<std::string>& row : rows_) lines.push_back(&row);

  std::vector<size_t> widths(columns_.size(), 0);
  for (const std::vector<std::string>* line : lines) {
    for (size_t i = 0; i < widths.size(); ++i) {
      widths[i] = std::max(widths[i], Width((*line)[i]));
    }
  }
  std::string text;
  for (const std::vector<std::string>* line : lines) {
    std::string row;
    for (size_t i = 0; i < widths.size(); ++i) {
      AppendCell(row, (*line)[i], widths[i], columns_[i].align);
    }
    absl::StrAppend(&text, absl::StripTrailingAsciiWhitespace(row), "\n");
  }
  return text;
}

std::string Pairs(
    const std::vector<std::pair<absl::string_view, std::string>>& pairs) {
  Table table({{""}, {""}});
  for (const auto& [name, value] : pairs) {
    table.AddRow({absl::StrCat(name, ":"), value});
  }
  return table.Text();
}

}  // namespace holdfast::ctl
