#include "policy/port_classes.h"

#include <algorithm>

namespace pollux::policy {

namespace {

// Where a class begins: at 0, at each range, and behind each.
std::vector<std::uint16_t> Starts(net::IpProtocol protocol, std::span<const PortRange> ranges) {
  std::vector<std::uint16_t> starts{0};
  for (const PortRange& range : ranges) {
    if (range.protocol != protocol) {
      continue;
    }
    starts.push_back(range.first);
    if (range.last < 65535) {
      starts.push_back(static_cast<std::uint16_t>(range.last + 1));
    }
  }
  std::sort(starts.begin(), starts.end());
  starts.erase(std::unique(starts.begin(), starts.end()), starts.end());
  return starts;
}

}  // namespace

PortClasses::PortClasses(std::span<const PortRange> ranges)
    : protocols_{Protocol{.protocol = net::IpProtocol::kTcp},
                 Protocol{.protocol = net::IpProtocol::kUdp},
                 Protocol{.protocol = net::IpProtocol::kSctp}} {
  for (Protocol& protocol : protocols_) {
    protocol.starts = Starts(protocol.protocol, ranges);
    protocol.first = count_;
    count_ += static_cast<Class>(protocol.starts.size());
  }
}

PortClasses::Class PortClasses::ClassOf(net::IpProtocol protocol, std::uint16_t port) const {
  for (const Protocol& p : protocols_) {
    if (p.protocol == protocol) {
      const auto beyond = std::upper_bound(p.starts.begin(), p.starts.end(), port);
      return p.first + static_cast<Class>(beyond - p.starts.begin()) - 1;
    }
  }
  return kNone;
}

PortClasses::Span PortClasses::ClassesOf(const PortRange& range) const {
  return {ClassOf(range.protocol, range.first), ClassOf(range.protocol, range.last)};
}

}  // namespace pollux::policy
