// The fields that filters of packets and of connections have in common, from the API's words.
// Errors begin with the field ("filter.host: ...") and say what it may be. Threading: pure
// functions.
#pragma once

#include <absl/status/status.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "control/state/controller.h"
#include "dataplane/net/address.h"
#include "dataplane/net/headers.h"

namespace pollux::control {

absl::Status WrongFilter(const std::string& field, const std::string& what);
// "x" is none of a, b, c
std::string NoneOf(std::string_view value, const std::vector<std::string>& allowed);

// An empty text reads nothing.
absl::Status ReadPort(const std::string& name, const Snapshot& snapshot, net::PortId& port);
absl::Status ReadPrefix(const std::string& field, const std::string& text,
                        std::optional<net::IpPrefix>& prefix);
absl::Status ReadProtocol(const std::string& text, std::optional<net::IpProtocol>& read);
absl::Status ReadL4Port(std::uint32_t number, std::uint16_t& port);

// As ReadProtocol reads it.
std::string ProtocolName(net::IpProtocol protocol);

}  // namespace pollux::control
