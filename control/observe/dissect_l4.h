// What follows the IP header, in words: part of dissect.h.
// Threading: pure functions.
#pragma once

#include <cstddef>
#include <string>

#include "control/observe/byte_cursor.h"
#include "dataplane/net/headers.h"

namespace pollux::control {

struct L4Words {
  std::string source_port;       // ".80", or "" where there are no ports
  std::string destination_port;  // the same
  std::string text;
};

// `length` is that of the L4 header and what follows, as the IP header says; fewer may be there.
L4Words DissectL4(net::IpProtocol protocol, ByteCursor bytes, std::size_t length);

std::string DissectIcmp(ByteCursor bytes, std::size_t length);
std::string DissectIcmpv6(ByteCursor bytes, std::size_t length);

// "TCP", "protocol 89"
std::string ProtocolWord(net::IpProtocol protocol);
std::string Truncated(const std::string& what);
std::string Malformed(const std::string& what);

}  // namespace pollux::control
