// A frame as a person reads it, for the messages of failing rows.
// Threading: tests.
#pragma once

#include <string>

#include "test/packet/frames.h"

namespace pollux::stages::testing {

// "02:..:10 > 02:..:01 ipv4 10.0.0.10 > 10.0.0.11 ttl 64 udp 1000 > 53, 106 bytes", what the
// device is to do, and the bytes.
std::string Decode(const OffloadedFrame& frame);

}  // namespace pollux::stages::testing
