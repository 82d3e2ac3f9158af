#include "control/vswitchctl/words.h"

#include <absl/strings/str_cat.h>
#include <absl/strings/str_split.h>

#include <algorithm>
#include <numeric>

namespace pollux::ctl {
namespace {

// Levenshtein's distance.
std::size_t Distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t substituted = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, substituted});
    }
  }
  return row[b.size()];
}

}  // namespace

std::string Wrap(const std::string& text, std::size_t width) {
  std::string wrapped;
  std::size_t column = 0;
  for (const std::string& line : std::vector<std::string>(absl::StrSplit(text, '\n'))) {
    wrapped += wrapped.empty() ? "" : "\n";
    column = 0;
    for (const std::string& word : std::vector<std::string>(absl::StrSplit(line, ' '))) {
      const bool fits = column == 0 || column + 1 + word.size() <= width;
      wrapped += column == 0 ? "" : fits ? " " : "\n";
      column = fits && column != 0 ? column + 1 + word.size() : word.size();
      wrapped += word;
    }
  }
  return wrapped;
}

std::string Suggestion(std::string_view word, const std::vector<std::string>& known) {
  const std::string_view bare = word.substr(0, word.find('='));
  std::size_t best = std::max<std::size_t>(2, bare.size() / 3) + 1;
  std::string meant;
  for (const std::string& candidate : known) {
    const std::size_t distance = candidate.starts_with(bare) ? 0 : Distance(bare, candidate);
    if (distance < best) {
      best = distance;
      meant = candidate;
    }
  }
  return meant.empty() ? "" : absl::StrCat(" (did you mean ", meant, "?)");
}

}  // namespace pollux::ctl
