#include <absl/strings/str_format.h>

#include "control/state/translate.h"

namespace pollux::control {
namespace {

const char* ModeName(core::SocketMode mode) {
  return mode == core::SocketMode::kServer ? "server" : "client";
}

std::string Octal(std::uint32_t mode) { return mode == 0 ? "" : absl::StrFormat("%04o", mode); }

struct WriteBackend {
  api::Port* proto;

  void operator()(const core::TapSpec& tap) const {
    proto->mutable_tap()->set_netns(tap.netns);
    proto->mutable_tap()->set_ifname(tap.ifname);
  }
  void operator()(const core::VhostUserSpec& vhost) const {
    proto->mutable_vhost_user()->set_socket(vhost.socket);
    proto->mutable_vhost_user()->set_mode(ModeName(vhost.mode));
    proto->mutable_vhost_user()->set_socket_owner(vhost.owner);
    proto->mutable_vhost_user()->set_socket_mode(Octal(vhost.socket_mode));
  }
  void operator()(const core::MemifSpec& memif) const {
    proto->mutable_memif()->set_socket(memif.socket);
    proto->mutable_memif()->set_id(memif.id);
    proto->mutable_memif()->set_role(ModeName(memif.role));
    proto->mutable_memif()->set_socket_owner(memif.owner);
    proto->mutable_memif()->set_socket_mode(Octal(memif.socket_mode));
  }
  void operator()(const core::EthdevSpec& ethdev) const {
    proto->mutable_ethdev()->set_devargs(ethdev.devargs);
  }
};

}  // namespace

std::string_view RoleName(core::PortRole role) {
  switch (role) {
    case core::PortRole::kPod:
      return "pod";
    case core::PortRole::kHost:
      return "host";
    case core::PortRole::kUplink:
      return "uplink";
  }
  return "unknown";
}

void ToProto(const Port& port, api::Port* proto) {
  const core::PortSpec& spec = port.spec;
  proto->set_name(spec.name);
  proto->set_owner(std::string(OwnerName(port.owner)));
  proto->set_role(std::string(RoleName(spec.role)));
  if (!spec.mac.is_zero()) {
    proto->set_mac(spec.mac.ToString());
  }
  proto->set_mtu(spec.mtu);
  proto->set_queues(spec.queues);
  proto->set_ring_size(spec.ring_size);
  for (const net::InterfaceAddress& address : spec.addresses) {
    proto->add_address(address.ToString());
  }
  proto->set_vlan(spec.vlan);
  std::visit(WriteBackend{proto}, spec.backend);
}

void ToProto(const Endpoint& endpoint, api::Endpoint* proto) {
  proto->set_name(endpoint.name);
  proto->set_owner(std::string(OwnerName(endpoint.owner)));
  proto->set_port(endpoint.port);
  proto->set_mac(endpoint.mac.ToString());
  for (const net::IpAddress& ip : endpoint.addresses) {
    proto->add_ip(ip.ToString());
  }
  proto->set_pod(endpoint.pod);
}

void ToProto(const Route& route, api::Route* proto) {
  proto->set_prefix(route.prefix.ToString());
  proto->set_owner(std::string(OwnerName(route.owner)));
  if (route.via) {
    proto->set_via(route.via->ToString());
  }
  proto->set_port(route.port);
}

namespace {

struct WriteObject {
  api::Object* proto;

  void operator()(const Port& o) const { ToProto(o, proto->mutable_port()); }
  void operator()(const Endpoint& o) const { ToProto(o, proto->mutable_endpoint()); }
  void operator()(const Route& o) const { ToProto(o, proto->mutable_route()); }
  void operator()(const Service& o) const { ToProto(o, proto->mutable_service()); }
  void operator()(const Workload& o) const { ToProto(o, proto->mutable_workload()); }
  void operator()(const Policy& o) const { ToProto(o, proto->mutable_policy()); }
  void operator()(const Cluster& o) const { ToProto(o, proto->mutable_cluster()); }
};

}  // namespace

api::Object ToProto(const Object& object) {
  api::Object proto;
  std::visit(WriteObject{&proto}, object);
  return proto;
}

const std::string& OwnerIn(const api::Object& object) {
  switch (object.object_case()) {
    case api::Object::kPort:
      return object.port().owner();
    case api::Object::kEndpoint:
      return object.endpoint().owner();
    case api::Object::kService:
      return object.service().owner();
    case api::Object::kWorkload:
      return object.workload().owner();
    case api::Object::kPolicy:
      return object.policy().owner();
    case api::Object::kCluster:
      return object.cluster().owner();
    default:
      return object.route().owner();
  }
}

}  // namespace pollux::control
