// Service and EndpointSlice.
#include <utility>

#include "control/kubernetes/decode.h"
#include "control/kubernetes/decode_fields.h"

namespace pollux::kubernetes {
namespace {

ServicePort DecodeServicePort(const Field& field) {
  ServicePort port{.name = field["name"].Text(),
                   .protocol = DecodeProtocol(field["protocol"]),
                   .port = DecodeRequiredPort(field["port"]),
                   .target_port = {},
                   .node_port = DecodePort(field["nodePort"])};
  const Field target = field["targetPort"];
  port.target_port = target.present() ? DecodePortOrName(target) : IntOrString(port.port);
  return port;
}

void DecodeClusterIps(const Field& spec, Service& service) {
  const Field one = spec["clusterIP"];
  const Field all = spec["clusterIPs"];
  if (service.type == Service::Type::kExternalName) {
    return;
  }
  const bool first_is_none =
      all.present() && all.json().is_array() && !all.json().empty() && all.json()[0] == "None";
  service.headless = one.Text() == "None" || first_is_none;
  if (service.headless) {
    return;
  }
  service.cluster_ips = DecodeAddresses(all);
  if (service.cluster_ips.empty() && !one.Text().empty()) {
    service.cluster_ips.push_back(DecodeAddress(one));
  }
  if (service.cluster_ips.empty()) {
    one.Fail("is missing: a Service has an address, is headless (None) or of type ExternalName");
  }
}

void DecodePorts(const Field& spec, Service& service) {
  using Type = Service::Type;
  const bool needs_node_port =
      service.type == Type::kNodePort ||
      (service.type == Type::kLoadBalancer &&
       spec["allocateLoadBalancerNodePorts"].OptionalFlag().value_or(true));
  const Field ports = spec["ports"];
  ports.ForEach([&](const Field& port) {
    service.ports.push_back(DecodeServicePort(port));
    if (needs_node_port && service.ports.back().node_port == 0) {
      port["nodePort"].Fail("is missing: this type of Service needs one");
    }
  });
  if (service.ports.empty() && !service.headless && service.type != Type::kExternalName) {
    ports.Fail("is empty");
  }
}

void DecodeAffinity(const Field& spec, Service& service) {
  constexpr std::uint32_t kDefaultSeconds = 10800;
  constexpr std::uint32_t kMaxSeconds = 86400;
  if (DecodeWord<bool>(spec["sessionAffinity"], {{"None", false}, {"ClientIP", true}})) {
    const Field config = spec["sessionAffinityConfig"];
    const Field client = config["clientIP"];
    const std::uint32_t seconds =
        client["timeoutSeconds"].Number(1, kMaxSeconds, "a number of seconds up to 86400");
    service.affinity_seconds = seconds == 0 ? kDefaultSeconds : seconds;
  }
}

void DecodeLoadBalancer(const Field& object, Service& service) {
  using Mode = LoadBalancerIngress::Mode;
  const Field spec = object["spec"];
  const Field ranges = spec["loadBalancerSourceRanges"];
  ranges.ForEach([&](const Field& range) {
    service.load_balancer_source_ranges.push_back(DecodeCidr(range));
  });
  const Field status = object["status"];
  const Field balancer = status["loadBalancer"];
  const Field ingress = balancer["ingress"];
  ingress.ForEach([&](const Field& item) {
    if (item["ip"].present()) {  // else by the name of a host
      service.load_balancer_ingress.push_back(
          {DecodeAddress(item["ip"]),
           DecodeWord<Mode>(item["ipMode"], {{"VIP", Mode::kVip}, {"Proxy", Mode::kProxy}})});
    }
  });
}

TrafficPolicy DecodeTrafficPolicy(const Field& field) {
  return DecodeWord<TrafficPolicy>(
      field, {{"Cluster", TrafficPolicy::kCluster}, {"Local", TrafficPolicy::kLocal}});
}

void DecodeServiceSpec(const Field& spec, Service& service) {
  using Type = Service::Type;
  service.type = DecodeWord<Type>(spec["type"], {{"ClusterIP", Type::kClusterIp},
                                                 {"NodePort", Type::kNodePort},
                                                 {"LoadBalancer", Type::kLoadBalancer},
                                                 {"ExternalName", Type::kExternalName}});
  DecodeClusterIps(spec, service);
  DecodePorts(spec, service);
  DecodeAffinity(spec, service);
  const Field families = spec["ipFamilies"];
  families.ForEach([&](const Field& family) {
    service.ip_families.push_back(
        DecodeWord<IpFamily>(family, {{"IPv4", IpFamily::kIpv4}, {"IPv6", IpFamily::kIpv6}}));
  });
  service.selector = DecodeLabels(spec["selector"]);
  service.external_ips = DecodeAddresses(spec["externalIPs"]);
  service.external_name = spec["externalName"].Text();
  service.internal_traffic_policy = DecodeTrafficPolicy(spec["internalTrafficPolicy"]);
  service.external_traffic_policy = DecodeTrafficPolicy(spec["externalTrafficPolicy"]);
  service.traffic_distribution = spec["trafficDistribution"].Text();
  service.health_check_node_port = DecodePort(spec["healthCheckNodePort"]);
  service.publish_not_ready_addresses = spec["publishNotReadyAddresses"].Flag();
}

Endpoint DecodeEndpoint(const Field& field) {
  Endpoint endpoint;
  endpoint.addresses = DecodeAddresses(field["addresses"]);
  const Field conditions = field["conditions"];
  endpoint.ready = conditions["ready"].OptionalFlag();
  endpoint.serving = conditions["serving"].OptionalFlag();
  endpoint.terminating = conditions["terminating"].OptionalFlag();
  endpoint.node_name = field["nodeName"].Text();
  endpoint.zone = field["zone"].Text();
  const Field target = field["targetRef"];
  if (target.present()) {
    endpoint.target = {target["kind"].Text(), target["namespace"].Text(), target["name"].Text()};
  }
  const Field hints = field["hints"];
  const Field zones = hints["forZones"];
  const Field nodes = hints["forNodes"];
  zones.ForEach([&](const Field& zone) { endpoint.hinted_zones.push_back(zone["name"].Text()); });
  nodes.ForEach([&](const Field& node) { endpoint.hinted_nodes.push_back(node["name"].Text()); });
  return endpoint;
}

}  // namespace

Service DecodeService(const Field& object) {
  const Field metadata = object["metadata"];
  Service service;
  service.namespace_name = DecodeNamespace(metadata);
  service.name = DecodeName(metadata["name"]);
  service.created = metadata["creationTimestamp"].Text();
  service.labels = DecodeLabels(metadata["labels"]);
  service.annotations = DecodeAnnotations(metadata["annotations"]);
  DecodeServiceSpec(object["spec"], service);
  DecodeLoadBalancer(object, service);
  return service;
}

EndpointSlice DecodeEndpointSlice(const Field& object) {
  using Type = EndpointSlice::AddressType;
  const Field metadata = object["metadata"];
  const Labels labels = DecodeLabels(metadata["labels"]);
  EndpointSlice slice;
  slice.namespace_name = DecodeNamespace(metadata);
  slice.name = DecodeName(metadata["name"]);
  if (const auto service = labels.find("kubernetes.io/service-name"); service != labels.end()) {
    slice.service_name = service->second;
  }
  const Field type = object["addressType"];
  if (!type.present()) {
    type.Fail("is missing");
  }
  slice.address_type =
      DecodeWord<Type>(type, {{"IPv4", Type::kIpv4}, {"IPv6", Type::kIpv6}, {"FQDN", Type::kFqdn}});
  const Field ports = object["ports"];
  ports.ForEach([&](const Field& port) {
    slice.ports.push_back({port["name"].Text(), DecodeProtocol(port["protocol"]), {}});
    if (port["port"].present()) {
      slice.ports.back().port = DecodePort(port["port"]);
    }
  });
  if (slice.address_type != Type::kFqdn) {
    const Field endpoints = object["endpoints"];
    endpoints.ForEach(
        [&](const Field& endpoint) { slice.endpoints.push_back(DecodeEndpoint(endpoint)); });
  }
  return slice;
}

}  // namespace pollux::kubernetes
