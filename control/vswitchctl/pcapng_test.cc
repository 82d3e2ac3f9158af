#include "control/vswitchctl/pcapng.h"

#include <gtest/gtest.h>

#include <sstream>
#include <string>

namespace pollux::ctl {
namespace {

using namespace std::string_literals;

TEST(Pcapng, SectionInterfacesAndPackets) {
  std::ostringstream out;
  PcapngWriter writer(out, "test");
  const std::string section =
      "\x0a\x0d\x0d\x0a\x28\0\0\0"            // Section Header Block, 40 bytes
      "\x4d\x3c\x2b\x1a\x01\0\0\0"            // byte order, version 1.0
      "\xff\xff\xff\xff\xff\xff\xff\xff"      // length not known
      "\x04\0\x04\0test\0\0\0\0\x28\0\0\0"s;  // shb_userappl, end
  EXPECT_EQ(out.str(), section);              // at once, before any packet

  out.str("");
  const CapturedPacket packet{.interface = "web",
                              .nanos = 0x0102030405060708,
                              .original_length = 98,
                              .data = "abcde",
                              .comment = "step=route"};
  writer.Write(packet);
  const std::string interface =
      "\x01\0\0\0\x28\0\0\0"    // Interface Description Block, 40 bytes
      "\x01\0\0\0\0\0\0\0"      // Ethernet, no limit
      "\x02\0\x03\0web\0"       // if_name
      "\x09\0\x01\0\x09\0\0\0"  // if_tsresol 10^-9
      "\0\0\0\0\x28\0\0\0"s;
  const std::string enhanced =
      "\x06\0\0\0\x3c\0\0\0"                      // Enhanced Packet Block, 60 bytes
      "\0\0\0\0\x04\x03\x02\x01\x08\x07\x06\x05"  // interface 0, time, its high half first
      "\x05\0\0\0\x62\0\0\0"                      // captured, original length
      "abcde\0\0\0"
      "\x01\0\x0a\0step=route\0\0"  // opt_comment
      "\0\0\0\0\x3c\0\0\0"s;
  EXPECT_EQ(out.str(), interface + enhanced);

  out.str("");
  writer.Write(packet);
  EXPECT_EQ(out.str(), enhanced);  // an interface is described once
}

}  // namespace
}  // namespace pollux::ctl
