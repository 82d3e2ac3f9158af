#include "control/state/port_resource.h"

#include <absl/strings/str_format.h>

#include <variant>

namespace pollux::control {
namespace {

struct Describe {
  std::string operator()(const core::TapSpec& tap) const {
    return absl::StrFormat("interface %s in %s", tap.ifname,
                           tap.netns.empty() ? "vswitchd's namespace" : tap.netns);
  }
  std::string operator()(const core::VhostUserSpec& vhost) const {
    return "socket " + vhost.socket;
  }
  std::string operator()(const core::MemifSpec& memif) const {
    return absl::StrFormat("socket %s with id %d", memif.socket, memif.id);
  }
  std::string operator()(const core::EthdevSpec& ethdev) const {
    return "device " + ethdev.devargs;
  }
};

}  // namespace

std::string ResourceOf(const core::PortSpec& spec) { return std::visit(Describe{}, spec.backend); }

}  // namespace pollux::control
