#include "control/observe/filter.h"

#include <absl/strings/numbers.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_format.h>
#include <absl/strings/str_join.h>

#include <algorithm>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "control/state/field_error.h"

namespace pollux::control {
namespace {

using core::StepId;

constexpr auto kStepCount = static_cast<unsigned>(StepId::kCount);

constexpr std::pair<std::string_view, net::IpProtocol> kProtocols[] = {
    {"tcp", net::IpProtocol::kTcp},   {"udp", net::IpProtocol::kUdp},
    {"icmp", net::IpProtocol::kIcmp}, {"icmpv6", net::IpProtocol::kIcmpv6},
    {"sctp", net::IpProtocol::kSctp},
};

absl::Status Wrong(const std::string& field, const std::string& what) {
  return absl::InvalidArgumentError(absl::StrCat("filter.", field, ": ", what));
}

// "x" is none of a, b, c
std::string NoneOf(std::string_view value, const std::vector<std::string>& allowed) {
  return absl::StrCat(Quoted(value), " is none of ", absl::StrJoin(allowed, ", "));
}

absl::Status ReadSteps(const api::ObservationFilter& proto, core::ObservationFilter& filter) {
  std::vector<std::string> names;
  for (unsigned i = 0; i < kStepCount; ++i) {
    names.emplace_back(core::StepName(static_cast<StepId>(i)));
  }
  for (int i = 0; i < proto.step_size(); ++i) {
    const auto at = std::find(names.begin(), names.end(), proto.step(i));
    if (at == names.end()) {
      return Wrong(absl::StrFormat("step[%d]", i), NoneOf(proto.step(i), names));
    }
    filter.steps |= 1U << static_cast<unsigned>(at - names.begin());
  }
  return absl::OkStatus();
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
                : Wrong(field, absl::StrCat(Quoted(text),
                                            " is neither an IP address nor a prefix "
                                            "such as 10.0.0.0/8 or fd00::/64"));
}

absl::Status ReadProtocol(const std::string& text, core::ObservationFilter& filter) {
  if (text.empty()) {
    return absl::OkStatus();
  }
  std::vector<std::string> names;
  for (const auto& [name, protocol] : kProtocols) {
    names.emplace_back(name);
    if (text == name) {
      filter.protocol = protocol;
      return absl::OkStatus();
    }
  }
  names.emplace_back("a number up to 255");
  std::uint32_t number = 0;
  if (!absl::SimpleAtoi(text, &number) || number > std::numeric_limits<std::uint8_t>::max()) {
    return Wrong("protocol", NoneOf(text, names));
  }
  filter.protocol = static_cast<net::IpProtocol>(number);
  return absl::OkStatus();
}

absl::Status ReadL4Port(std::uint32_t number, core::ObservationFilter& filter) {
  if (number > std::numeric_limits<std::uint16_t>::max()) {
    return Wrong("l4_port", absl::StrCat(number, " is more than 65535"));
  }
  filter.l4_port = static_cast<std::uint16_t>(number);
  return absl::OkStatus();
}

absl::Status ReadReason(const std::string& name, core::ObservationFilter& filter) {
  if (name.empty()) {
    return absl::OkStatus();
  }
  const std::optional<core::DropReason> reason = core::DropReasonFromName(name);
  if (!reason) {
    std::vector<std::string> names;
    for (unsigned i = 1; i < core::kDropReasonCount; ++i) {
      names.emplace_back(core::Describe(static_cast<core::DropReason>(i)).name);
    }
    return Wrong("reason", NoneOf(name, names));
  }
  filter.reason = *reason;
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<core::ObservationFilter> FromProto(const api::ObservationFilter& proto,
                                                  const Snapshot& snapshot) {
  core::ObservationFilter filter;
  filter.drops_only = proto.drops();
  for (const absl::Status& status : {
           ReadSteps(proto, filter),
           ReadPort(proto.port(), snapshot, filter.port),
           ReadPrefix("source", proto.source(), filter.source),
           ReadPrefix("destination", proto.destination(), filter.destination),
           ReadPrefix("host", proto.host(), filter.host),
           ReadProtocol(proto.protocol(), filter),
           ReadL4Port(proto.l4_port(), filter),
           ReadReason(proto.reason(), filter),
       }) {
    if (!status.ok()) {
      return status;
    }
  }
  return filter;
}

}  // namespace pollux::control
