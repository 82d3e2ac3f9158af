#include "control/state/changes.h"

namespace pollux::control {
namespace {

template <typename Map>
void Compare(const Map& before, const Map& after, std::vector<Change>& changes) {
  auto b = before.begin();
  auto a = after.begin();
  while (b != before.end() || a != after.end()) {
    if (a == after.end() || (b != before.end() && b->first < a->first)) {
      changes.push_back({.before = b++->second, .after = std::nullopt});
    } else if (b == before.end() || a->first < b->first) {
      changes.push_back({.before = std::nullopt, .after = a++->second});
    } else {
      if (!(b->second == a->second)) {
        changes.push_back({.before = b->second, .after = a->second});
      }
      ++b;
      ++a;
    }
  }
}

}  // namespace

std::vector<Change> Changes(const State& before, const State& after) {
  std::vector<Change> changes;
  Compare(before.ports, after.ports, changes);
  Compare(before.forwarding.endpoints, after.forwarding.endpoints, changes);
  Compare(before.forwarding.routes, after.forwarding.routes, changes);
  Compare(before.forwarding.services, after.forwarding.services, changes);
  Compare(before.forwarding.workloads, after.forwarding.workloads, changes);
  Compare(before.forwarding.policies, after.forwarding.policies, changes);
  Compare(before.forwarding.clusters, after.forwarding.clusters, changes);
  return changes;
}

}  // namespace pollux::control
