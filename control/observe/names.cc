#include "control/observe/names.h"

#include <optional>

namespace pollux::control {
namespace {

bool IsCalled(const std::string& service, const std::string& text) {
  return service == text || (service.starts_with(text) && service.find(':') == text.size());
}

}  // namespace

std::vector<net::IpAddress> AddressesOf(const Snapshot& snapshot, const std::string& text) {
  if (const std::optional<net::IpAddress> ip = net::IpAddress::Parse(text)) {
    return {*ip};
  }
  const Forwarding& forwarding = snapshot.desired.forwarding;
  for (const auto& [name, endpoint] : forwarding.endpoints) {
    if (name == text || endpoint.pod == text) {
      return endpoint.addresses;
    }
  }
  const auto workload = forwarding.workloads.find(text);
  return workload == forwarding.workloads.end() ? std::vector<net::IpAddress>{}
                                                : workload->second.config->addresses;
}

std::vector<net::IpAddress> AddressesOfService(const Snapshot& snapshot, const std::string& text,
                                               net::IpProtocol protocol, std::uint16_t port) {
  std::vector<net::IpAddress> addresses;
  for (const auto& [name, service] : snapshot.desired.forwarding.services) {
    if (!IsCalled(name, text) || service.config->protocol != protocol) {
      continue;
    }
    for (const core::FrontendConfig& frontend : service.config->frontends) {
      if (frontend.port == port) {
        addresses.push_back(frontend.ip);
      }
    }
  }
  return addresses;
}

AddressNames::AddressNames(const Snapshot& snapshot) {
  const Forwarding& forwarding = snapshot.desired.forwarding;
  for (const auto& [name, endpoint] : forwarding.endpoints) {
    for (const net::IpAddress& ip : endpoint.addresses) {
      names_.emplace(ip, endpoint.pod.empty() ? name : endpoint.pod);
    }
  }
  for (const auto& [name, workload] : forwarding.workloads) {
    for (const net::IpAddress& ip : workload.config->addresses) {
      names_.emplace(ip, name);
    }
  }
  for (const auto& [name, service] : forwarding.services) {
    for (const core::FrontendConfig& frontend : service.config->frontends) {
      names_.emplace(frontend.ip, name.substr(0, name.find(':')));
    }
  }
}

std::string AddressNames::Of(const net::IpAddress& ip) const {
  const auto at = names_.find(ip);
  return at == names_.end() ? "" : at->second;
}

}  // namespace pollux::control
