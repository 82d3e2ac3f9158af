// Packets as a pcapng file (draft-ietf-opsawg-pcapng), for Wireshark and its kin.
//
// One section, little-endian; an interface per name, described before its first packet; times in
// nanoseconds since 1970.
// Threading: one thread.
#pragma once

#include <cstdint>
#include <map>
#include <ostream>
#include <string>
#include <string_view>

namespace pollux::ctl {

struct CapturedPacket {
  std::string interface;
  std::uint64_t nanos = 0;
  std::uint32_t original_length = 0;  // of the frame; `data` may be less
  std::string data;
  std::string comment;
};

class PcapngWriter {
 public:
  // Writes the section's header at once: readers of a pipe wait for it.
  PcapngWriter(std::ostream& out, std::string_view program);
  void Write(const CapturedPacket& packet);

 private:
  std::uint32_t InterfaceOf(const std::string& name);

  std::ostream& out_;
  std::map<std::string, std::uint32_t> interfaces_;
};

}  // namespace pollux::ctl
