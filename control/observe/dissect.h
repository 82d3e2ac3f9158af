// A packet in one line, in the manner of tcpdump -e:
//
//   02:00:00:00:00:11 > 02:00:00:00:00:01, IPv4 10.1.0.1.40000 > 10.1.0.2.80: TCP [S] seq 1 win
//   64240 len 0
//
// What ends too early says "[truncated: TCP header]", what contradicts itself "[malformed: ...]".
// No byte beyond those given is read, whatever the lengths in the packet say.
// Threading: pure function.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "dataplane/core/packet.h"

namespace pollux::control {

// `head`: the first bytes of a frame of `frame_length`, possibly not all, possibly none.
std::string Dissect(std::span<const std::uint8_t> head, std::uint32_t frame_length,
                    const core::Offload& offload);

}  // namespace pollux::control
