// Ethernet and IP addresses and prefixes as values.
// Bytes are kept in network order. Parsing accepts the usual text forms (RFC 4291 section 2.2 and
// RFC 5952 for IPv6) and nothing else; it returns nullopt on any doubt.
// Threading: plain values.
#pragma once

#include <array>
#include <bit>
#include <compare>
#include <cstdint>
#include <cstring>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>

#include "dataplane/net/endian.h"

namespace pollux::net {

struct MacAddress {
  std::array<std::uint8_t, 6> bytes{};

  static std::optional<MacAddress> Parse(std::string_view text);
  [[nodiscard]] std::string ToString() const;

  // Group bit: multicast or broadcast (IEEE 802.3).
  [[nodiscard]] constexpr bool is_group() const { return (bytes[0] & 1U) != 0; }
  [[nodiscard]] constexpr bool is_broadcast() const { return *this == Broadcast(); }
  [[nodiscard]] constexpr bool is_zero() const { return *this == MacAddress{}; }
  static constexpr MacAddress Broadcast() { return {{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}}; }

  // Compared for every packet: two words instead of a call to memcmp.
  friend constexpr bool operator==(const MacAddress& a, const MacAddress& b) {
    if (std::is_constant_evaluated()) {
      return a.bytes == b.bytes;
    }
    return a.Word<std::uint32_t>(0) == b.Word<std::uint32_t>(0) &&
           a.Word<std::uint16_t>(4) == b.Word<std::uint16_t>(4);
  }
  friend constexpr auto operator<=>(const MacAddress&, const MacAddress&) = default;

 private:
  template <typename T>
  [[nodiscard]] T Word(unsigned offset) const {
    T word;
    std::memcpy(&word, &bytes[offset], sizeof word);
    return word;
  }
};
static_assert(sizeof(MacAddress) == 6 && alignof(MacAddress) == 1);

// The two top bits of an address's meaning that forwarding cares about are predicates here, each
// with its source in the RFCs.
struct Ipv4Address {
  Be32 be;

  static constexpr Ipv4Address FromHost(std::uint32_t host) { return {Be32{host}}; }
  static std::optional<Ipv4Address> Parse(std::string_view text);
  [[nodiscard]] std::string ToString() const;
  [[nodiscard]] constexpr std::uint32_t host() const { return be.value(); }

  [[nodiscard]] constexpr bool is_zero() const { return be.raw() == 0; }
  [[nodiscard]] constexpr bool is_multicast() const { return (host() >> 28) == 0xe; }
  [[nodiscard]] constexpr bool is_broadcast() const { return host() == 0xffffffff; }
  [[nodiscard]] constexpr bool is_loopback() const { return (host() >> 24) == 127; }
  [[nodiscard]] constexpr bool is_link_local() const { return (host() >> 16) == 0xa9fe; }

  friend constexpr bool operator==(Ipv4Address, Ipv4Address) = default;
  friend constexpr auto operator<=>(Ipv4Address a, Ipv4Address b) { return a.host() <=> b.host(); }
};
static_assert(sizeof(Ipv4Address) == 4 && alignof(Ipv4Address) == 1);

struct Ipv6Address {
  std::array<std::uint8_t, 16> bytes{};

  static std::optional<Ipv6Address> Parse(std::string_view text);
  [[nodiscard]] std::string ToString() const;  // RFC 5952

  [[nodiscard]] constexpr bool is_zero() const { return *this == Ipv6Address{}; }
  [[nodiscard]] constexpr bool is_multicast() const { return bytes[0] == 0xff; }
  [[nodiscard]] constexpr bool is_link_local() const {
    return bytes[0] == 0xfe && (bytes[1] & 0xc0U) == 0x80;
  }
  [[nodiscard]] constexpr bool is_loopback() const {
    Ipv6Address one{};
    one.bytes[15] = 1;
    return *this == one;
  }
  // ff02::1:ffXX:XXXX, where Neighbor Solicitations for `target` go (RFC 4291 section 2.7.1).
  static constexpr Ipv6Address SolicitedNode(const Ipv6Address& target) {
    return {{0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0xff, target.bytes[13], target.bytes[14],
             target.bytes[15]}};
  }
  static constexpr Ipv6Address AllNodes() {
    return {{0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}};
  }

  friend constexpr auto operator<=>(const Ipv6Address&, const Ipv6Address&) = default;
};
static_assert(sizeof(Ipv6Address) == 16 && alignof(Ipv6Address) == 1);

// Ethernet address for an IP multicast group: RFC 1112 section 6.4, RFC 2464 section 7.
constexpr MacAddress MulticastMac(const Ipv6Address& group) {
  return {{0x33, 0x33, group.bytes[12], group.bytes[13], group.bytes[14], group.bytes[15]}};
}

// IPv4 or IPv6. An IPv4 address lies in the first four bytes, the rest is zero.
class IpAddress {
 public:
  constexpr IpAddress() = default;
  constexpr IpAddress(Ipv4Address v4) : is_v6_(false) {  // NOLINT(google-explicit-constructor)
    const auto raw = std::bit_cast<std::array<std::uint8_t, 4>>(v4);
    for (std::size_t i = 0; i < raw.size(); ++i) {
      bytes_[i] = raw[i];
    }
  }
  constexpr IpAddress(Ipv6Address v6)  // NOLINT(google-explicit-constructor)
      : is_v6_(true), bytes_(v6.bytes) {}

  static std::optional<IpAddress> Parse(std::string_view text);
  [[nodiscard]] std::string ToString() const;

  [[nodiscard]] constexpr bool is_v4() const { return !is_v6_; }
  [[nodiscard]] constexpr bool is_v6() const { return is_v6_; }
  [[nodiscard]] constexpr unsigned bits() const { return is_v6_ ? 128 : 32; }
  [[nodiscard]] constexpr Ipv4Address v4() const {
    return std::bit_cast<Ipv4Address>(
        std::array<std::uint8_t, 4>{bytes_[0], bytes_[1], bytes_[2], bytes_[3]});
  }
  [[nodiscard]] constexpr Ipv6Address v6() const { return {bytes_}; }
  // Network order; IPv4 uses the first four.
  [[nodiscard]] constexpr const std::array<std::uint8_t, 16>& bytes() const { return bytes_; }

  friend constexpr auto operator<=>(const IpAddress&, const IpAddress&) = default;

 private:
  bool is_v6_ = false;
  std::array<std::uint8_t, 16> bytes_{};
};

// An address range by prefix length; bits beyond the length are zero (Parse refuses others unless
// asked to clear them).
class IpPrefix {
 public:
  constexpr IpPrefix() = default;
  // Clears the host bits.
  IpPrefix(const IpAddress& address, unsigned length);

  // "10.0.0.0/8", "fd00::/64"; an address alone is a host prefix.
  static std::optional<IpPrefix> Parse(std::string_view text);
  [[nodiscard]] std::string ToString() const;

  [[nodiscard]] constexpr const IpAddress& address() const { return address_; }
  [[nodiscard]] constexpr unsigned length() const { return length_; }
  [[nodiscard]] constexpr bool is_host() const { return length_ == address_.bits(); }
  [[nodiscard]] bool Contains(const IpAddress& address) const;

  friend constexpr auto operator<=>(const IpPrefix&, const IpPrefix&) = default;

 private:
  IpAddress address_;
  std::uint8_t length_ = 0;
};

// An interface's own address with the length of its subnet, "192.0.2.7/24": unlike a prefix it
// keeps the host bits.
struct InterfaceAddress {
  IpAddress ip;
  std::uint8_t prefix_length = 0;

  // An address alone is a subnet of its own.
  static std::optional<InterfaceAddress> Parse(std::string_view text);
  [[nodiscard]] std::string ToString() const;
  [[nodiscard]] IpPrefix subnet() const { return {ip, prefix_length}; }

  friend constexpr auto operator<=>(const InterfaceAddress&, const InterfaceAddress&) = default;
};

}  // namespace pollux::net

template <>
struct std::hash<pollux::net::IpAddress> {
  std::size_t operator()(const pollux::net::IpAddress& a) const noexcept {
    return std::hash<std::string_view>{}(
        {reinterpret_cast<const char*>(a.bytes().data()), a.is_v6() ? 16U : 4U});
  }
};
