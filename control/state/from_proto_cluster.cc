#include "control/state/from_proto_cluster.h"

#include <absl/strings/str_format.h>

#include <memory>
#include <string>
#include <utility>

#include "control/state/field_reader.h"

namespace pollux::control {
namespace {

namespace api = ::vswitch::v1;
using core::FrontendKind;

std::string At(std::string_view list, int index, std::string_view field) {
  return absl::StrFormat("%s[%d].%s", list, index, field);
}

template <typename Kind, typename Config>
absl::StatusOr<Object> Shared(const FieldReader& reader, Owner owner, Config config) {
  if (!reader.status().ok()) {
    return reader.status();
  }
  Kind object;
  object.owner = owner;
  object.config = std::make_shared<const Config>(std::move(config));
  return object;
}

core::FrontendConfig ReadFrontend(FieldReader& reader, const api::Frontend& proto, int index) {
  const auto at = [&](std::string_view field) { return At("service.frontend", index, field); };
  return {.ip = reader.Read<net::IpAddress>(at("ip"), proto.ip(), kIpAddress),
          .port = reader.ReadNumber(at("port"), proto.port(), 0),
          .kind = reader.ReadWord<FrontendKind>(at("kind"), proto.kind(),
                                                {{"cluster_ip", FrontendKind::kClusterIp},
                                                 {"node_port", FrontendKind::kNodePort},
                                                 {"load_balancer", FrontendKind::kLoadBalancer},
                                                 {"external_ip", FrontendKind::kExternalIp},
                                                 {"host_port", FrontendKind::kHostPort}}),
          .local_only = proto.local_only(),
          .source_ranges =
              reader.ReadAll<net::IpPrefix>(at("source_range"), proto.source_range(), kPrefix)};
}

core::BackendConfig ReadBackend(FieldReader& reader, const api::Backend& proto, int index) {
  const auto at = [&](std::string_view field) { return At("service.backend", index, field); };
  return {.ip = reader.Read<net::IpAddress>(at("ip"), proto.ip(), kIpAddress),
          .port = reader.ReadNumber(at("port"), proto.port(), 0),
          .local = proto.local(),
          .draining = proto.draining()};
}

policy::Labels ReadLabels(const google::protobuf::Map<std::string, std::string>& proto) {
  return {proto.begin(), proto.end()};
}

// NAMESPACE/NAME.
std::pair<std::string, std::string> ReadName(FieldReader& reader, std::string_view field,
                                             const std::string& name) {
  const std::size_t slash = name.find('/');
  if (slash == std::string::npos || slash == 0 || slash + 1 == name.size() ||
      name.find('/', slash + 1) != std::string::npos) {
    reader.Fail(field, Quoted(name) + " is not NAMESPACE/NAME");
    return {};
  }
  return {name.substr(0, slash), name.substr(slash + 1)};
}

policy::Selector ReadSelector(FieldReader& reader, std::string_view field,
                              const api::Selector& proto) {
  using policy::Operator;
  policy::Selector selector;
  for (const api::Requirement& requirement : proto.requirement()) {
    const auto op = reader.ReadWord<Operator>(field, requirement.op(),
                                              {{"in", Operator::kIn},
                                               {"not_in", Operator::kNotIn},
                                               {"exists", Operator::kExists},
                                               {"does_not_exist", Operator::kDoesNotExist}});
    if (requirement.key().empty()) {
      reader.Fail(field, "a requirement has no key");
    }
    selector.requirements.push_back(
        {.key = requirement.key(),
         .op = op,
         .values = {requirement.value().begin(), requirement.value().end()}});
  }
  return selector;
}

policy::PeerMatch ReadPeer(FieldReader& reader, std::string_view field,
                           const api::PolicyPeer& proto) {
  if (proto.has_block()) {
    return policy::IpBlock{
        .cidr = reader.Read<net::IpPrefix>(field, proto.block().cidr(), kPrefix),
        .except = reader.ReadAll<net::IpPrefix>(field, proto.block().except(), kPrefix)};
  }
  if (!proto.has_pods()) {
    reader.Fail(field, "one of pods, block must be given");
  }
  policy::PodPeers peers{.namespaces = {},
                         .pods = ReadSelector(reader, field, proto.pods().pods())};
  if (proto.pods().has_namespaces()) {
    peers.namespaces = ReadSelector(reader, field, proto.pods().namespaces());
  }
  return peers;
}

policy::PortMatch ReadPort(FieldReader& reader, std::string_view field,
                           const api::PolicyPort& proto) {
  const net::IpProtocol protocol = reader.ReadProtocol(field, proto.protocol());
  if (!proto.name().empty()) {
    return policy::NamedPort{.protocol = protocol, .name = proto.name()};
  }
  const std::uint16_t first = reader.ReadNumber(field, proto.first(), 0);
  const std::uint16_t last = reader.ReadNumber(field, proto.last(), first == 0 ? 65535 : first);
  if (last < first) {
    reader.Fail(field, absl::StrFormat("%d to %d is no range of ports", first, last));
  }
  return policy::PortRange{.protocol = protocol, .first = first, .last = last};
}

policy::Rule ReadRule(FieldReader& reader, std::string_view field, const api::PolicyRule& proto) {
  policy::Rule rule;
  for (const api::PolicyPeer& peer : proto.peer()) {
    rule.peers.push_back(
        ReadPeer(reader, absl::StrFormat("%s.peer[%d]", field, rule.peers.size()), peer));
  }
  for (const api::PolicyPort& port : proto.port()) {
    rule.ports.push_back(
        ReadPort(reader, absl::StrFormat("%s.port[%d]", field, rule.ports.size()), port));
  }
  return rule;
}

std::vector<policy::Rule> ReadRules(FieldReader& reader, std::string_view field,
                                    const api::PolicyRules& proto) {
  std::vector<policy::Rule> rules;
  for (const api::PolicyRule& rule : proto.rule()) {
    rules.push_back(ReadRule(reader, absl::StrFormat("%s.rule[%d]", field, rules.size()), rule));
  }
  return rules;
}

}  // namespace

absl::StatusOr<Object> ReadService(const api::Service& proto, Owner owner) {
  FieldReader reader("service " + Quoted(proto.name()));
  ServiceConfig service{.name = proto.name(),
                        .protocol = reader.ReadProtocol("service.protocol", proto.protocol()),
                        .affinity_seconds = proto.affinity_seconds()};
  for (int i = 0; i < proto.frontend_size(); ++i) {
    service.frontends.push_back(ReadFrontend(reader, proto.frontend(i), i));
  }
  for (int i = 0; i < proto.backend_size(); ++i) {
    service.backends.push_back(ReadBackend(reader, proto.backend(i), i));
  }
  return Shared<Service>(reader, owner, std::move(service));
}

absl::StatusOr<Object> ReadWorkload(const api::Workload& proto, Owner owner) {
  FieldReader reader("workload " + Quoted(proto.name()));
  WorkloadConfig workload{
      .name = proto.name(),
      .profile = {.name_space = ReadName(reader, "workload.name", proto.name()).first,
                  .namespace_labels = ReadLabels(proto.namespace_labels()),
                  .labels = ReadLabels(proto.labels()),
                  .named_ports = {}},
      .addresses = reader.ReadAll<net::IpAddress>("workload.ip", proto.ip(), kIpAddress)};
  for (int i = 0; i < proto.named_port_size(); ++i) {
    const api::NamedPort& port = proto.named_port(i);
    const auto at = [&](std::string_view field) { return At("workload.named_port", i, field); };
    workload.profile
        .named_ports[{port.name(), reader.ReadProtocol(at("protocol"), port.protocol())}] =
        reader.ReadNumber(at("port"), port.port(), 0);
  }
  return Shared<Workload>(reader, owner, std::move(workload));
}

absl::StatusOr<Object> ReadPolicy(const api::Policy& proto, Owner owner) {
  FieldReader reader("policy " + Quoted(proto.name()));
  auto [name_space, name] = ReadName(reader, "policy.name", proto.name());
  policy::Policy policy{.name_space = std::move(name_space),
                        .name = std::move(name),
                        .pods = ReadSelector(reader, "policy.pods", proto.pods()),
                        .audit = proto.audit(),
                        .ingress = {},
                        .egress = {}};
  if (proto.has_ingress()) {
    policy.ingress = ReadRules(reader, "policy.ingress", proto.ingress());
  }
  if (proto.has_egress()) {
    policy.egress = ReadRules(reader, "policy.egress", proto.egress());
  }
  return Shared<Policy>(reader, owner, std::move(policy));
}

absl::StatusOr<Object> ReadCluster(const api::Cluster& proto, Owner owner) {
  FieldReader reader("cluster");
  const ClusterConfig defaults;
  Cluster cluster{
      .owner = owner,
      .config = {.cidrs = reader.ReadAll<net::IpPrefix>("cluster.cidr", proto.cidr(), kPrefix),
                 .node_addresses = reader.ReadAll<net::IpAddress>("cluster.node_address",
                                                                  proto.node_address(), kIpAddress),
                 .snat_addresses = reader.ReadAll<net::IpAddress>("cluster.snat_address",
                                                                  proto.snat_address(), kIpAddress),
                 .snat_first_port = reader.ReadNumber(
                     "cluster.snat_first_port", proto.snat_first_port(), defaults.snat_first_port),
                 .snat_last_port = reader.ReadNumber(
                     "cluster.snat_last_port", proto.snat_last_port(), defaults.snat_last_port),
                 .masquerade = proto.masquerade(),
                 .masquerade_exclude = reader.ReadAll<net::IpPrefix>(
                     "cluster.masquerade_exclude", proto.masquerade_exclude(), kPrefix)}};
  return reader.status().ok() ? absl::StatusOr<Object>(std::move(cluster)) : reader.status();
}

}  // namespace pollux::control
