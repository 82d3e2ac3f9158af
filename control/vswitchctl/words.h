// Words for people: lines that fit, and what somebody who mistyped may have meant.
// Threading: pure functions.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace pollux::ctl {

// Breaks lines at spaces so that none is longer than `width`, where words allow it.
std::string Wrap(const std::string& text, std::size_t width);

// " (did you mean X?)" for the known word that is closest to `word`, or nothing if none is close.
std::string Suggestion(std::string_view word, const std::vector<std::string>& known);

}  // namespace pollux::ctl
