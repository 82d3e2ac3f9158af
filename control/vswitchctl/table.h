// Tables for people: aligned columns, nothing cut off.
// Threading: plain values.
#pragma once

#include <ostream>
#include <string>
#include <vector>

namespace pollux::ctl {

struct Column {
  std::string title;
  bool right = false;  // numbers
};

// A column whose cells are numbers.
inline Column Number(std::string title) { return {.title = std::move(title), .right = true}; }

class Table {
 public:
  explicit Table(std::vector<Column> columns) : columns_(std::move(columns)) {}

  // One cell per column, as long as it needs to be; an empty one is shown as "-".
  void Add(std::vector<std::string> cells);
  // The titles and one line per row; `none` alone if there are no rows.
  void Print(std::ostream& out, const std::string& none) const;

 private:
  void PrintRow(std::ostream& out, const std::vector<std::string>& cells) const;
  [[nodiscard]] std::size_t Width(std::size_t column) const;

  const std::vector<Column> columns_;
  std::vector<std::vector<std::string>> rows_;
};

// Lines of a name and a value, the values aligned.
void PrintFields(std::ostream& out, const std::vector<std::pair<std::string, std::string>>& fields);

}  // namespace pollux::ctl
