#include "dataplane/tables/service_check.h"

#include <absl/strings/str_cat.h>

#include <algorithm>
#include <compare>
#include <utility>
#include <vector>

#include "dataplane/tables/maglev.h"

namespace pollux::tables {
namespace {

using Socket = std::pair<net::IpAddress, std::uint16_t>;

bool IsOneHost(const net::IpAddress& ip) {
  return ip.is_v4() ? !ip.v4().is_zero() && !ip.v4().is_multicast() && !ip.v4().is_broadcast()
                    : !ip.v6().is_zero() && !ip.v6().is_multicast();
}

bool HasPorts(net::IpProtocol protocol) {
  return protocol == net::IpProtocol::kTcp || protocol == net::IpProtocol::kUdp ||
         protocol == net::IpProtocol::kSctp;
}

// Of frontends or backends.
template <typename List>
absl::Status CheckSockets(const core::ServiceConfig& config, const char* field, const List& list) {
  std::vector<Socket> sockets;
  sockets.reserve(list.size());
  for (const auto& item : list) {
    if (!IsOneHost(item.ip)) {
      return ServiceError(config, field,
                          absl::StrCat(item.ip.ToString(), " is not the address of one host"));
    }
    if (item.port == 0) {
      return ServiceError(config, field, absl::StrCat(item.ip.ToString(), " has port 0"));
    }
    sockets.emplace_back(item.ip, item.port);
  }
  std::sort(sockets.begin(), sockets.end());
  const auto twice = std::adjacent_find(sockets.begin(), sockets.end());
  return twice == sockets.end() ? absl::OkStatus()
                                : ServiceError(config, field,
                                               absl::StrCat(twice->first.ToString(), " port ",
                                                            twice->second, " is there twice"));
}

}  // namespace

absl::Status ServiceError(const core::ServiceConfig& config, const char* field,
                          const std::string& text) {
  return absl::InvalidArgumentError(absl::StrCat("service ", config.name, ": ", field, ": ", text));
}

absl::Status CheckService(const core::ServiceConfig& config) {
  if (config.name.empty()) {
    return ServiceError(config, "name", "is empty");
  }
  if (!HasPorts(config.protocol)) {
    return ServiceError(config, "protocol",
                        absl::StrCat(static_cast<unsigned>(config.protocol), " has no ports"));
  }
  if (config.affinity_seconds > core::kMaxAffinitySeconds) {
    return ServiceError(
        config, "affinity_seconds",
        absl::StrCat(config.affinity_seconds, " are more than ", core::kMaxAffinitySeconds));
  }
  if (config.backends.size() > Maglev::kMaxBackends) {
    return ServiceError(
        config, "backends",
        absl::StrCat(config.backends.size(), " are more than ", Maglev::kMaxBackends));
  }
  if (const absl::Status status = CheckSockets(config, "frontends", config.frontends);
      !status.ok()) {
    return status;
  }
  return CheckSockets(config, "backends", config.backends);
}

}  // namespace pollux::tables
