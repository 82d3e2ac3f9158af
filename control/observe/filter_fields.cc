#include "control/observe/filter_fields.h"

#include <absl/strings/numbers.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_format.h>
#include <absl/strings/str_join.h>

#include <limits>
#include <utility>

#include "control/state/field_error.h"

namespace pollux::control {
namespace {

constexpr std::pair<std::string_view, net::IpProtocol> kProtocols[] = {
    {"tcp", net::IpProtocol::kTcp},   {"udp", net::IpProtocol::kUdp},
    {"icmp", net::IpProtocol::kIcmp}, {"icmpv6", net::IpProtocol::kIcmpv6},
    {"sctp", net::IpProtocol::kSctp},
};

}  // namespace

absl::Status WrongFilter(const std::string& field, const std::string& what) {
  return absl::InvalidArgumentError(absl::StrCat("filter.", field, ": ", what));
}

// "x" is none of a, b, c
std::string NoneOf(std::string_view value, const std::vector<std::string>& allowed) {
  return absl::StrCat(Quoted(value), " is none of ", absl::StrJoin(allowed, ", "));
}

absl::Status ReadPort(const std::string& name, const Snapshot& snapshot, net::PortId& port) {
  if (name.empty()) {
    return absl::OkStatus();
  }
  const auto at = snapshot.installed.ids.find(name);
  if (at == snapshot.installed.ids.end()) {
    const bool failed = snapshot.installed.failures.contains(name);
    return absl::NotFoundError(absl::StrFormat(
        "filter.port: %s %s", failed ? "the switch could not make port" : "there is no port",
        Quoted(name)));
  }
  port = at->second;
  return absl::OkStatus();
}

absl::Status ReadPrefix(const std::string& field, const std::string& text,
                        std::optional<net::IpPrefix>& prefix) {
  if (text.empty()) {
    return absl::OkStatus();
  }
  prefix = net::IpPrefix::Parse(text);
  return prefix ? absl::OkStatus()
                : WrongFilter(field, absl::StrCat(Quoted(text),
                                                  " is neither an IP address nor a prefix "
                                                  "such as 10.0.0.0/8 or fd00::/64"));
}

absl::Status ReadProtocol(const std::string& text, std::optional<net::IpProtocol>& read) {
  if (text.empty()) {
    return absl::OkStatus();
  }
  std::vector<std::string> names;
  for (const auto& [name, protocol] : kProtocols) {
    names.emplace_back(name);
    if (text == name) {
      read = protocol;
      return absl::OkStatus();
    }
  }
  names.emplace_back("a number up to 255");
  std::uint32_t number = 0;
  if (!absl::SimpleAtoi(text, &number) || number > std::numeric_limits<std::uint8_t>::max()) {
    return WrongFilter("protocol", NoneOf(text, names));
  }
  read = static_cast<net::IpProtocol>(number);
  return absl::OkStatus();
}

absl::Status ReadL4Port(std::uint32_t number, std::uint16_t& port) {
  if (number > std::numeric_limits<std::uint16_t>::max()) {
    return WrongFilter("l4_port", absl::StrCat(number, " is more than 65535"));
  }
  port = static_cast<std::uint16_t>(number);
  return absl::OkStatus();
}

std::string ProtocolName(net::IpProtocol protocol) {
  for (const auto& [name, known] : kProtocols) {
    if (known == protocol) {
      return std::string(name);
    }
  }
  return absl::StrCat(static_cast<unsigned>(protocol));
}

}  // namespace pollux::control
