#include "control/vswitchctl/table.h"

#include <algorithm>
#include <string_view>

namespace pollux::ctl {
namespace {

constexpr std::string_view kGap = "  ";

}  // namespace

void Table::Add(std::vector<std::string> cells) {
  cells.resize(columns_.size());
  for (std::string& cell : cells) {
    if (cell.empty()) {
      cell.push_back('-');
    }
  }
  rows_.push_back(std::move(cells));
}

void Table::Print(std::ostream& out, const std::string& none) const {
  if (rows_.empty()) {
    out << none << '\n';
    return;
  }
  std::vector<std::string> titles;
  for (const Column& column : columns_) {
    titles.push_back(column.title);
  }
  PrintRow(out, titles);
  for (const std::vector<std::string>& row : rows_) {
    PrintRow(out, row);
  }
}

void Table::PrintRow(std::ostream& out, const std::vector<std::string>& cells) const {
  std::string line;
  for (std::size_t i = 0; i < cells.size(); ++i) {
    const std::string padding(Width(i) - cells[i].size(), ' ');
    line += i == 0 ? "" : kGap;
    line += columns_[i].right ? padding : "";
    line += cells[i];
    line += columns_[i].right ? "" : padding;
  }
  line.erase(line.find_last_not_of(' ') + 1);
  out << line << '\n';
}

std::size_t Table::Width(std::size_t column) const {
  std::size_t width = columns_[column].title.size();
  for (const std::vector<std::string>& row : rows_) {
    width = std::max(width, row[column].size());
  }
  return width;
}

void PrintFields(std::ostream& out,
                 const std::vector<std::pair<std::string, std::string>>& fields) {
  std::size_t width = 0;
  for (const auto& [name, value] : fields) {
    width = std::max(width, name.size());
  }
  for (const auto& [name, value] : fields) {
    out << name << std::string(width - name.size(), ' ') << kGap << (value.empty() ? "-" : value)
        << '\n';
  }
}

}  // namespace pollux::ctl
