// Which flags of `port add` belong to which type of port.
// Threading: pure functions.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "control/vswitchctl/api.h"

namespace pollux::ctl {

// What the flags of one type said, until the type is known.
struct KindFlags {
  std::string type;
  std::optional<std::string> netns, ifname;              // tap
  std::optional<std::string> socket, mode, role;         // vhost-user, memif
  std::optional<std::string> socket_owner, socket_mode;  // vhost-user, memif
  std::optional<std::uint32_t> id;                       // memif
  std::optional<std::string> devargs;                    // ethdev
};

// Puts them into the port. Otherwise what is wrong, in words: the flag that is missing or does not
// fit the type.
std::optional<std::string> FillKind(const KindFlags& flags, api::Port* port);

// The type as `port add --type` spells it.
std::string TypeOf(const api::Port& port);

}  // namespace pollux::ctl
