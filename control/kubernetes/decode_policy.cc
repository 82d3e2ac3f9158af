// NetworkPolicy.
#include <absl/strings/str_cat.h>

#include <utility>

#include "control/kubernetes/decode.h"
#include "control/kubernetes/decode_fields.h"

namespace pollux::kubernetes {
namespace {

IpBlock DecodeIpBlock(const Field& field) {
  IpBlock block{.cidr = DecodeCidr(field["cidr"]), .except = {}};
  const Field except = field["except"];
  except.ForEach([&](const Field& item) {
    const net::IpPrefix& hole = block.except.emplace_back(DecodeCidr(item));
    if (!block.cidr.Contains(hole.address()) || hole.length() <= block.cidr.length()) {
      item.Fail(absl::StrCat(hole.ToString(), " is not strictly inside ", block.cidr.ToString()));
    }
  });
  return block;
}

NetworkPolicyPeer DecodePeer(const Field& field) {
  NetworkPolicyPeer peer;
  const Field pods = field["podSelector"];
  const Field namespaces = field["namespaceSelector"];
  const Field block = field["ipBlock"];
  if (pods.present()) {
    peer.pod_selector = DecodeSelector(pods);
  }
  if (namespaces.present()) {
    peer.namespace_selector = DecodeSelector(namespaces);
  }
  if (block.present()) {
    peer.ip_block = DecodeIpBlock(block);
  }
  const bool selects = pods.present() || namespaces.present();
  if (selects == block.present()) {
    field.Fail(selects ? "has both an ipBlock and a selector" : "is empty");
  }
  return peer;
}

NetworkPolicyPort DecodePolicyPort(const Field& field) {
  NetworkPolicyPort port{.protocol = DecodeProtocol(field["protocol"]), .port = {}, .end_port = {}};
  const Field first = field["port"];
  const Field last = field["endPort"];
  if (first.present()) {
    port.port = DecodePortOrName(first);
  }
  if (last.present()) {
    port.end_port = DecodePort(last);
    const auto* number = port.port ? std::get_if<std::uint16_t>(&*port.port) : nullptr;
    if (number == nullptr) {
      last.Fail("needs a port that is a number");
    } else if (*port.end_port < *number) {
      last.Fail("is below the port");
    }
  }
  return port;
}

std::vector<NetworkPolicyRule> DecodeRules(const Field& field, const char* peers_name) {
  std::vector<NetworkPolicyRule> rules;
  field.ForEach([&](const Field& item) {
    NetworkPolicyRule& rule = rules.emplace_back();
    const Field peers = item[peers_name];
    peers.ForEach([&](const Field& peer) { rule.peers.push_back(DecodePeer(peer)); });
    const Field ports = item["ports"];
    ports.ForEach([&](const Field& port) { rule.ports.push_back(DecodePolicyPort(port)); });
  });
  return rules;
}

// Without policyTypes a policy is for ingress, and for egress if it has egress rules.
void DecodeTypes(const Field& types, NetworkPolicy& policy) {
  policy.selects_ingress = !types.present() || types.json().empty();
  policy.selects_egress = policy.selects_ingress && !policy.egress.empty();
  types.ForEach([&](const Field& type) {
    const bool egress = DecodeWord<bool>(type, {{"Ingress", false}, {"Egress", true}});
    (egress ? policy.selects_egress : policy.selects_ingress) = true;
  });
}

}  // namespace

NetworkPolicy DecodeNetworkPolicy(const Field& object) {
  const Field metadata = object["metadata"];
  const Field spec = object["spec"];
  NetworkPolicy policy;
  policy.namespace_name = DecodeNamespace(metadata);
  policy.name = DecodeName(metadata["name"]);
  policy.annotations = DecodeAnnotations(metadata["annotations"]);
  policy.pod_selector = DecodeSelector(spec["podSelector"]);
  policy.ingress = DecodeRules(spec["ingress"], "from");
  policy.egress = DecodeRules(spec["egress"], "to");
  DecodeTypes(spec["policyTypes"], policy);
  return policy;
}

}  // namespace pollux::kubernetes
