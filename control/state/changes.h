// What is different between two States, object by object: for answers, watchers and dry runs.
// Threading: pure function.
#pragma once

#include <optional>
#include <vector>

#include "control/state/edit.h"
#include "control/state/state.h"

namespace pollux::control {

// At least one of both.
struct Change {
  std::optional<Object> before;
  std::optional<Object> after;
};

// Ports first, each kind in the order of its keys.
std::vector<Change> Changes(const State& before, const State& after);

}  // namespace pollux::control
