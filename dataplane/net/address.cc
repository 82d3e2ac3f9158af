#include "dataplane/net/address.h"

#include <arpa/inet.h>
#include <sys/socket.h>

#include <algorithm>
#include <charconv>

namespace pollux::net {
namespace {

// inet_pton wants a terminated string; anything longer than an address can be is refused, and what
// would end early.
template <typename Address>
std::optional<Address> ParseWith(int family, std::string_view text) {
  std::array<char, INET6_ADDRSTRLEN> buffer{};
  // inet_pton ends at a zero byte, whatever follows.
  if (text.empty() || text.size() >= buffer.size() || text.find('\0') != std::string_view::npos) {
    return std::nullopt;
  }
  std::copy(text.begin(), text.end(), buffer.begin());
  Address address;
  if (inet_pton(family, buffer.data(), &address) != 1) {
    return std::nullopt;
  }
  return address;
}

template <typename Address>
std::string FormatWith(int family, const Address& address) {
  std::array<char, INET6_ADDRSTRLEN> buffer{};
  return inet_ntop(family, &address, buffer.data(), buffer.size());
}

}  // namespace

std::optional<MacAddress> MacAddress::Parse(std::string_view text) {
  MacAddress mac;
  constexpr std::size_t kLength = 17;  // "xx:xx:xx:xx:xx:xx"
  if (text.size() != kLength) {
    return std::nullopt;
  }
  for (std::size_t i = 0; i < mac.bytes.size(); ++i) {
    const char* at = text.data() + i * 3;
    const auto [end, error] = std::from_chars(at, at + 2, mac.bytes[i], 16);
    if (error != std::errc{} || end != at + 2 || (i < 5 && at[2] != ':')) {
      return std::nullopt;
    }
  }
  return mac;
}

std::string MacAddress::ToString() const {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text;
  for (const std::uint8_t byte : bytes) {
    if (!text.empty()) {
      text += ':';
    }
    text += kDigits[byte >> 4];
    text += kDigits[byte & 15U];
  }
  return text;
}

std::optional<Ipv4Address> Ipv4Address::Parse(std::string_view text) {
  return ParseWith<Ipv4Address>(AF_INET, text);
}

std::string Ipv4Address::ToString() const { return FormatWith(AF_INET, *this); }

std::optional<Ipv6Address> Ipv6Address::Parse(std::string_view text) {
  return ParseWith<Ipv6Address>(AF_INET6, text);
}

std::string Ipv6Address::ToString() const { return FormatWith(AF_INET6, *this); }

std::optional<IpAddress> IpAddress::Parse(std::string_view text) {
  if (const auto v4 = Ipv4Address::Parse(text)) {
    return IpAddress{*v4};
  }
  if (const auto v6 = Ipv6Address::Parse(text)) {
    return IpAddress{*v6};
  }
  return std::nullopt;
}

std::string IpAddress::ToString() const { return is_v6_ ? v6().ToString() : v4().ToString(); }

IpPrefix::IpPrefix(const IpAddress& address, unsigned length)
    : length_(static_cast<std::uint8_t>(std::min(length, address.bits()))) {
  auto bytes = address.bytes();
  for (unsigned i = 0; i < address.bits() / 8; ++i) {
    const unsigned before = i * 8;
    const unsigned kept = length_ > before ? std::min(length_ - before, 8U) : 0;
    bytes[i] = static_cast<std::uint8_t>(bytes[i] & (0xff00U >> kept));
  }
  if (address.is_v6()) {
    address_ = Ipv6Address{bytes};
  } else {
    address_ = std::bit_cast<Ipv4Address>(
        std::array<std::uint8_t, 4>{bytes[0], bytes[1], bytes[2], bytes[3]});
  }
}

std::optional<InterfaceAddress> InterfaceAddress::Parse(std::string_view text) {
  const std::size_t slash = text.find('/');
  const auto address = IpAddress::Parse(text.substr(0, slash));
  if (!address) {
    return std::nullopt;
  }
  std::uint8_t length = static_cast<std::uint8_t>(address->bits());
  if (slash != std::string_view::npos) {
    const std::string_view digits = text.substr(slash + 1);
    const char* end = digits.data() + digits.size();
    const auto [parsed, error] = std::from_chars(digits.data(), end, length);
    if (digits.empty() || error != std::errc{} || parsed != end || length > address->bits()) {
      return std::nullopt;
    }
  }
  return InterfaceAddress{*address, length};
}

std::string InterfaceAddress::ToString() const {
  return ip.ToString() + '/' + std::to_string(prefix_length);
}

std::optional<IpPrefix> IpPrefix::Parse(std::string_view text) {
  const auto parsed = InterfaceAddress::Parse(text);
  if (!parsed || parsed->subnet().address() != parsed->ip) {
    return std::nullopt;
  }
  return parsed->subnet();
}

std::string IpPrefix::ToString() const {
  return address_.ToString() + '/' + std::to_string(length_);
}

bool IpPrefix::Contains(const IpAddress& address) const {
  return address.is_v6() == address_.is_v6() && IpPrefix(address, length_).address() == address_;
}

}  // namespace pollux::net
