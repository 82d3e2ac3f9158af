// An echo request without data, made in memory: the packet that explain.h asks about.
// Threading: plain values.
#pragma once

#include <array>
#include <cstdint>

#include "dataplane/core/packet.h"
#include "dataplane/net/address.h"

namespace pollux {

// With the memory that its head lies in.
struct EchoRequest {
  EchoRequest() = default;
  EchoRequest(const EchoRequest&) = delete;
  EchoRequest& operator=(const EchoRequest&) = delete;

  std::array<std::uint8_t, core::kHeadroomBytes + core::kHeaderBytes> bytes{};
  core::Packet packet;
};

struct EchoAddresses {
  net::MacAddress ethernet_source;
  net::MacAddress ethernet_destination;
  net::IpAddress source;
  net::IpAddress destination;  // of the same family
};

// As it is after load_headers.
void WriteEchoRequest(EchoRequest& request, const EchoAddresses& addresses);

}  // namespace pollux
