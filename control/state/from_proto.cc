#include <absl/strings/str_format.h>

#include <string>

#include "control/state/field_error.h"
#include "control/state/field_reader.h"
#include "control/state/from_proto_cluster.h"
#include "control/state/translate.h"

namespace pollux::control {
namespace {

core::PortRole ReadRole(FieldReader& reader, std::string_view text) {
  for (const core::PortRole role :
       {core::PortRole::kPod, core::PortRole::kHost, core::PortRole::kUplink}) {
    if (text == RoleName(role)) {
      return role;
    }
  }
  if (!text.empty()) {
    reader.Fail("port.role", Quoted(text) + " is neither \"pod\" nor \"uplink\"");
  }
  return core::PortRole::kPod;
}

core::PortBackend ReadBackend(FieldReader& reader, const api::Port& port) {
  switch (port.kind_case()) {
    case api::Port::kTap:
      return core::TapSpec{
          .netns = port.tap().netns(),
          .ifname = port.tap().ifname().empty() ? port.name() : port.tap().ifname()};
    case api::Port::kVhostUser:
      return core::VhostUserSpec{
          .socket = port.vhost_user().socket(),
          .mode = reader.ReadMode("port.vhost_user.mode", port.vhost_user().mode()),
          .owner = port.vhost_user().socket_owner(),
          .socket_mode =
              reader.ReadOctal("port.vhost_user.socket_mode", port.vhost_user().socket_mode())};
    case api::Port::kMemif:
      return core::MemifSpec{
          .socket = port.memif().socket(),
          .id = port.memif().id(),
          .role = reader.ReadMode("port.memif.role", port.memif().role()),
          .owner = port.memif().socket_owner(),
          .socket_mode = reader.ReadOctal("port.memif.socket_mode", port.memif().socket_mode())};
    case api::Port::kEthdev:
      return core::EthdevSpec{.devargs = port.ethdev().devargs()};
    case api::Port::KIND_NOT_SET:
      reader.Fail("port", "one of tap, vhost_user, memif, ethdev must be given");
      return {};
  }
  return {};
}

absl::StatusOr<Object> Read(const api::Port& proto, Owner owner) {
  FieldReader reader("port " + Quoted(proto.name()));
  Port port{.owner = owner, .spec = {}};
  core::PortSpec& spec = port.spec;
  spec.name = proto.name();
  spec.role = ReadRole(reader, proto.role());
  if (!proto.mac().empty()) {
    spec.mac = reader.Read<net::MacAddress>("port.mac", proto.mac(), "an Ethernet address");
  }
  spec.mtu = reader.ReadNumber("port.mtu", proto.mtu(), spec.mtu);
  spec.queues = reader.ReadNumber("port.queues", proto.queues(), spec.queues);
  spec.ring_size = reader.ReadNumber("port.ring_size", proto.ring_size(), spec.ring_size);
  spec.vlan = reader.ReadNumber("port.vlan", proto.vlan(), 0);
  for (int i = 0; i < proto.address_size(); ++i) {
    spec.addresses.push_back(
        reader.Read<net::InterfaceAddress>(absl::StrFormat("port.address[%d]", i), proto.address(i),
                                           "an address with the length of its subnet"));
  }
  spec.backend = ReadBackend(reader, proto);
  if (!reader.status().ok()) {
    return reader.status();
  }
  return port;
}

absl::StatusOr<Object> Read(const api::Endpoint& proto, Owner owner) {
  FieldReader reader("endpoint " + Quoted(proto.name()));
  Endpoint endpoint{
      .owner = owner,
      .name = proto.name(),
      .port = proto.port(),
      .mac = reader.Read<net::MacAddress>("endpoint.mac", proto.mac(), "an Ethernet address"),
      .addresses = {},
      .pod = proto.pod()};
  for (int i = 0; i < proto.ip_size(); ++i) {
    endpoint.addresses.push_back(reader.Read<net::IpAddress>(absl::StrFormat("endpoint.ip[%d]", i),
                                                             proto.ip(i), "an IP address"));
  }
  if (!reader.status().ok()) {
    return reader.status();
  }
  return endpoint;
}

absl::StatusOr<Object> Read(const api::Route& proto, Owner owner) {
  FieldReader reader("route " + Quoted(proto.prefix()));
  Route route{.owner = owner,
              .prefix = reader.Read<net::IpPrefix>("route.prefix", proto.prefix(), kPrefix),
              .via = std::nullopt,
              .port = proto.port()};
  if (!proto.via().empty()) {
    route.via = reader.Read<net::IpAddress>("route.via", proto.via(), "an IP address");
  }
  if (!reader.status().ok()) {
    return reader.status();
  }
  return route;
}

}  // namespace

absl::StatusOr<Owner> OwnerFromProto(std::string_view owner) {
  if (owner.empty() || owner == OwnerName(Owner::kCli)) {
    return Owner::kCli;
  }
  if (owner == OwnerName(Owner::kAgent)) {
    return Owner::kAgent;
  }
  return absl::InvalidArgumentError(
      absl::StrFormat("owner: %s is neither \"cli\" nor \"agent\"", Quoted(owner)));
}

absl::StatusOr<Object> FromProto(const api::Object& proto, Owner owner) {
  switch (proto.object_case()) {
    case api::Object::kPort:
      return Read(proto.port(), owner);
    case api::Object::kEndpoint:
      return Read(proto.endpoint(), owner);
    case api::Object::kRoute:
      return Read(proto.route(), owner);
    case api::Object::kService:
      return ReadService(proto.service(), owner);
    case api::Object::kWorkload:
      return ReadWorkload(proto.workload(), owner);
    case api::Object::kPolicy:
      return ReadPolicy(proto.policy(), owner);
    case api::Object::kCluster:
      return ReadCluster(proto.cluster(), owner);
    case api::Object::OBJECT_NOT_SET:
      break;
  }
  return absl::InvalidArgumentError(
      "object: one of port, endpoint, route, service, workload, policy, cluster must be given");
}

absl::StatusOr<Key> FromProto(const api::Key& proto) {
  switch (proto.key_case()) {
    case api::Key::kPort:
      return PortKey{proto.port()};
    case api::Key::kEndpoint:
      return EndpointKey{proto.endpoint()};
    case api::Key::kRoute: {
      FieldReader reader("route " + Quoted(proto.route()));
      const auto prefix = reader.Read<net::IpPrefix>("key.route", proto.route(), kPrefix);
      if (!reader.status().ok()) {
        return reader.status();
      }
      return RouteKey{prefix};
    }
    case api::Key::kService:
      return ServiceKey{proto.service()};
    case api::Key::kWorkload:
      return WorkloadKey{proto.workload()};
    case api::Key::kPolicy:
      return PolicyKey{proto.policy()};
    case api::Key::kCluster:
      return ClusterKey{};
    case api::Key::KEY_NOT_SET:
      break;
  }
  return absl::InvalidArgumentError(
      "key: one of port, endpoint, route, service, workload, policy, cluster must be given");
}

}  // namespace pollux::control
