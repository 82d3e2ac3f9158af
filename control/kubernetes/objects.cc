#include "control/kubernetes/objects.h"

namespace pollux::kubernetes {

Labels NamespaceLabels(const Cluster& cluster, std::string_view name) {
  const auto given = cluster.namespaces.find(name);
  Labels labels = given == cluster.namespaces.end() ? Labels{} : given->second.labels;
  labels["kubernetes.io/metadata.name"] = name;
  return labels;
}

bool IsLocal(const Pod& pod, std::string_view node_name) {
  return pod.node_name.empty() || pod.node_name == node_name;
}

bool IsReady(const Pod& pod) { return pod.ready.value_or(true); }

}  // namespace pollux::kubernetes
