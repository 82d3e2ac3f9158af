// L4 ports that no rule tells apart, as one number: a verdict then needs no search by range.
// Threading: immutable once made; any thread.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "dataplane/net/headers.h"
#include "policy/policy.h"

namespace pollux::policy {

class PortClasses {
 public:
  using Class = std::uint32_t;
  static constexpr Class kNone = 0;  // of protocols without ports

  PortClasses() : PortClasses(std::span<const PortRange>{}) {}
  // Any range that is asked for later must be one of these, or all ports of a protocol.
  explicit PortClasses(std::span<const PortRange> ranges);

  // At most 17 steps, whatever the port.
  [[nodiscard]] Class ClassOf(net::IpProtocol protocol, std::uint16_t port) const;
  // The classes that make up a range: from the first up to and including the last.
  struct Span {
    Class first;
    Class last;
  };
  [[nodiscard]] Span ClassesOf(const PortRange& range) const;
  [[nodiscard]] Class count() const { return count_; }

 private:
  struct Protocol {
    net::IpProtocol protocol;
    std::vector<std::uint16_t> starts;  // of each class, ascending from 0
    Class first = 0;
  };
  std::array<Protocol, 3> protocols_;
  Class count_ = 1;  // kNone is one
};

}  // namespace pollux::policy
