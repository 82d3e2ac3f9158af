// What has to be done to get from one State to another, in order: pure.
//
// Make before break: new ports are added first, then forwarding changes in one swap, then ports
// that are gone are removed. A port whose specification changed, or whose socket or device another
// port takes over, cannot exist twice: it is taken out of forwarding, removed and made anew, while
// everything else forwards on.
// Threading: pure functions.
#pragma once

#include <functional>
#include <string>
#include <variant>
#include <vector>

#include "control/state/state.h"

namespace pollux::control {

struct AddPort {
  Port port;
};
struct Publish {
  Forwarding forwarding;
  bool is_final = false;  // the forwarding of `to`, not one on the way
};
struct RemovePort {
  std::string name;
};
using Action = std::variant<AddPort, Publish, RemovePort>;

// Empty if nothing that the switch would notice differs. Otherwise exactly one Publish is
// final; it comes after every AddPort.
std::vector<Action> Diff(const State& from, const State& to);

// The part of the forwarding whose ports are wanted.
Forwarding Restrict(const Forwarding& forwarding,
                    const std::function<bool(const std::string& port)>& wanted);

}  // namespace pollux::control
