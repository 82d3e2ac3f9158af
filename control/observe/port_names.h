// The names of the packet path's ports, for what is told about packets.
//
// A packet that was seen a moment ago may be of a port that is gone: a name is kept until its id is
// given to another port.
// Threading: one thread at a time.
#pragma once

#include <map>
#include <string>

#include "control/state/controller.h"
#include "dataplane/net/ids.h"

namespace pollux::control {

class PortNames {
 public:
  void Update(const Snapshot& snapshot);
  // "" for no port, "#7" for one that was never heard of.
  [[nodiscard]] std::string Of(net::PortId id) const;

 private:
  std::map<net::PortId, std::string> names_;
};

}  // namespace pollux::control
