#include "control/state/translate.h"

namespace pollux::control {
namespace {

const char* ProtocolName(net::IpProtocol protocol) {
  return protocol == net::IpProtocol::kUdp    ? "udp"
         : protocol == net::IpProtocol::kSctp ? "sctp"
                                              : "tcp";
}

const char* KindName(core::FrontendKind kind) {
  constexpr const char* kNames[] = {"cluster_ip", "node_port", "load_balancer", "external_ip",
                                    "host_port"};
  return kNames[static_cast<unsigned>(kind)];
}

void Write(const policy::Selector& selector, api::Selector* proto) {
  constexpr const char* kNames[] = {"in", "not_in", "exists", "does_not_exist"};
  for (const policy::Requirement& requirement : selector.requirements) {
    api::Requirement* item = proto->add_requirement();
    item->set_key(requirement.key);
    item->set_op(kNames[static_cast<unsigned>(requirement.op)]);
    for (const std::string& value : requirement.values) {
      item->add_value(value);
    }
  }
}

void Write(const policy::PeerMatch& peer, api::PolicyPeer* proto) {
  if (const auto* block = std::get_if<policy::IpBlock>(&peer)) {
    proto->mutable_block()->set_cidr(block->cidr.ToString());
    for (const net::IpPrefix& except : block->except) {
      proto->mutable_block()->add_except(except.ToString());
    }
    return;
  }
  const auto& pods = std::get<policy::PodPeers>(peer);
  if (pods.namespaces) {
    Write(*pods.namespaces, proto->mutable_pods()->mutable_namespaces());
  }
  Write(pods.pods, proto->mutable_pods()->mutable_pods());
}

void Write(const policy::PortMatch& port, api::PolicyPort* proto) {
  if (const auto* named = std::get_if<policy::NamedPort>(&port)) {
    proto->set_protocol(ProtocolName(named->protocol));
    proto->set_name(named->name);
    return;
  }
  const auto& range = std::get<policy::PortRange>(port);
  proto->set_protocol(ProtocolName(range.protocol));
  proto->set_first(range.first);
  proto->set_last(range.last);
}

void Write(const std::vector<policy::Rule>& rules, api::PolicyRules* proto) {
  for (const policy::Rule& rule : rules) {
    api::PolicyRule* item = proto->add_rule();
    for (const policy::PeerMatch& peer : rule.peers) {
      Write(peer, item->add_peer());
    }
    for (const policy::PortMatch& port : rule.ports) {
      Write(port, item->add_port());
    }
  }
}

}  // namespace

void ToProto(const Service& service, api::Service* proto) {
  const ServiceConfig& config = *service.config;
  proto->set_name(config.name);
  proto->set_owner(std::string(OwnerName(service.owner)));
  proto->set_protocol(ProtocolName(config.protocol));
  proto->set_affinity_seconds(config.affinity_seconds);
  for (const core::FrontendConfig& frontend : config.frontends) {
    api::Frontend* item = proto->add_frontend();
    item->set_ip(frontend.ip.ToString());
    item->set_port(frontend.port);
    item->set_kind(KindName(frontend.kind));
    item->set_local_only(frontend.local_only);
    for (const net::IpPrefix& range : frontend.source_ranges) {
      item->add_source_range(range.ToString());
    }
  }
  for (const core::BackendConfig& backend : config.backends) {
    api::Backend* item = proto->add_backend();
    item->set_ip(backend.ip.ToString());
    item->set_port(backend.port);
    item->set_local(backend.local);
    item->set_draining(backend.draining);
  }
}

void ToProto(const Workload& workload, api::Workload* proto) {
  const WorkloadConfig& config = *workload.config;
  proto->set_name(config.name);
  proto->set_owner(std::string(OwnerName(workload.owner)));
  proto->mutable_labels()->insert(config.profile.labels.begin(), config.profile.labels.end());
  proto->mutable_namespace_labels()->insert(config.profile.namespace_labels.begin(),
                                            config.profile.namespace_labels.end());
  for (const auto& [key, port] : config.profile.named_ports) {
    api::NamedPort* item = proto->add_named_port();
    item->set_name(key.first);
    item->set_protocol(ProtocolName(key.second));
    item->set_port(port);
  }
  for (const net::IpAddress& ip : config.addresses) {
    proto->add_ip(ip.ToString());
  }
}

void ToProto(const Policy& policy, api::Policy* proto) {
  const policy::Policy& config = *policy.config;
  proto->set_name(policy.key());
  proto->set_owner(std::string(OwnerName(policy.owner)));
  Write(config.pods, proto->mutable_pods());
  proto->set_audit(config.audit);
  if (config.ingress) {
    Write(*config.ingress, proto->mutable_ingress());
  }
  if (config.egress) {
    Write(*config.egress, proto->mutable_egress());
  }
}

void ToProto(const Cluster& cluster, api::Cluster* proto) {
  const ClusterConfig& config = cluster.config;
  proto->set_owner(std::string(OwnerName(cluster.owner)));
  for (const net::IpPrefix& cidr : config.cidrs) {
    proto->add_cidr(cidr.ToString());
  }
  for (const net::IpAddress& ip : config.node_addresses) {
    proto->add_node_address(ip.ToString());
  }
  for (const net::IpAddress& ip : config.snat_addresses) {
    proto->add_snat_address(ip.ToString());
  }
  proto->set_snat_first_port(config.snat_first_port);
  proto->set_snat_last_port(config.snat_last_port);
  proto->set_masquerade(config.masquerade);
  for (const net::IpPrefix& prefix : config.masquerade_exclude) {
    proto->add_masquerade_exclude(prefix.ToString());
  }
}

}  // namespace pollux::control
