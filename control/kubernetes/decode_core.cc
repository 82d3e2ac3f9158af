// Namespace, Node, Pod.
#include <utility>

#include "control/kubernetes/decode.h"
#include "control/kubernetes/decode_fields.h"

namespace pollux::kubernetes {
namespace {

ContainerPort DecodeContainerPort(const Field& field) {
  ContainerPort port{.name = field["name"].Text(),
                     .protocol = DecodeProtocol(field["protocol"]),
                     .container_port = DecodeRequiredPort(field["containerPort"]),
                     .host_port = DecodePort(field["hostPort"]),
                     .host_ip = {}};
  const Field host_ip = field["hostIP"];
  if (!host_ip.Text().empty()) {
    port.host_ip = DecodeAddress(host_ip);
  }
  return port;
}

void DecodeContainers(const Field& spec, Pod& pod) {
  const Field containers = spec["containers"];
  containers.ForEach([&](const Field& container) {
    const Field ports = container["ports"];
    ports.ForEach([&](const Field& port) { pod.ports.push_back(DecodeContainerPort(port)); });
  });
}

void DecodePodStatus(const Field& status, Pod& pod) {
  pod.phase = status["phase"].Text();
  const Field ips = status["podIPs"];
  ips.ForEach([&](const Field& item) { pod.ips.push_back(DecodeAddress(item["ip"])); });
  const Field ip = status["podIP"];
  if (pod.ips.empty() && !ip.Text().empty()) {
    pod.ips.push_back(DecodeAddress(ip));
  }
  const Field conditions = status["conditions"];
  conditions.ForEach([&](const Field& condition) {
    if (condition["type"].Text() == "Ready") {
      pod.ready = condition["status"].Text() == "True";
    }
  });
}

}  // namespace

Namespace DecodeNamespaceObject(const Field& object) {
  const Field metadata = object["metadata"];
  return {.name = DecodeName(metadata["name"]), .labels = DecodeLabels(metadata["labels"])};
}

Node DecodeNode(const Field& object) {
  const Field metadata = object["metadata"];
  Node node{.name = DecodeName(metadata["name"]),
            .labels = DecodeLabels(metadata["labels"]),
            .annotations = DecodeAnnotations(metadata["annotations"]),
            .pod_cidrs = {},
            .addresses = {}};
  const Field spec = object["spec"];
  const Field cidrs = spec["podCIDRs"];
  cidrs.ForEach([&](const Field& cidr) { node.pod_cidrs.push_back(DecodeCidr(cidr)); });
  const Field cidr = spec["podCIDR"];
  if (node.pod_cidrs.empty() && !cidr.Text().empty()) {
    node.pod_cidrs.push_back(DecodeCidr(cidr));
  }
  const Field status = object["status"];
  const Field addresses = status["addresses"];
  addresses.ForEach([&](const Field& item) {
    std::string type = item["type"].Text();
    if (type == "InternalIP" || type == "ExternalIP") {
      node.addresses.push_back({std::move(type), DecodeAddress(item["address"])});
    }
  });
  return node;
}

Pod DecodePod(const Field& object) {
  const Field metadata = object["metadata"];
  const Field spec = object["spec"];
  Pod pod;
  pod.namespace_name = DecodeNamespace(metadata);
  pod.name = DecodeName(metadata["name"]);
  pod.uid = metadata["uid"].Text();
  pod.labels = DecodeLabels(metadata["labels"]);
  pod.annotations = DecodeAnnotations(metadata["annotations"]);
  pod.deleted = metadata["deletionTimestamp"].present();
  pod.node_name = spec["nodeName"].Text();
  pod.host_network = spec["hostNetwork"].Flag();
  DecodeContainers(spec, pod);
  DecodePodStatus(object["status"], pod);
  return pod;
}

}  // namespace pollux::kubernetes
