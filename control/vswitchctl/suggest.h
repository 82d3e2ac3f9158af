// What somebody who mistyped a word may have meant.
// Threading: pure functions.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace pollux::ctl {

// " (did you mean X?)" for the known word that is closest to `word`, or nothing if none is close.
std::string Suggestion(std::string_view word, const std::vector<std::string>& known);

}  // namespace pollux::ctl
