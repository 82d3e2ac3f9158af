#include "control/kubernetes/decode.h"

#include <absl/strings/str_cat.h>

#include <optional>
#include <string_view>
#include <utility>

#include "control/kubernetes/decode_fields.h"

namespace pollux::kubernetes {
namespace {

struct Kind {
  const char* group;  // of apiVersion, with its version
  const char* name;
  // False: there already.
  bool (*add)(const Field& object, const std::optional<FieldProblem>& problem, Cluster& cluster);
};

template <auto decode, auto member>
bool AddNamed(const Field& object, const std::optional<FieldProblem>& problem, Cluster& cluster) {
  auto value = decode(object);
  std::string name = value.name;
  return problem || (cluster.*member).emplace(std::move(name), std::move(value)).second;
}

template <auto decode, auto member>
bool AddNamespaced(const Field& object, const std::optional<FieldProblem>& problem,
                   Cluster& cluster) {
  auto value = decode(object);
  ObjectName name{value.namespace_name, value.name};
  return problem || (cluster.*member).emplace(std::move(name), std::move(value)).second;
}

constexpr Kind kKinds[] = {
    {"v1", "Namespace", AddNamed<DecodeNamespaceObject, &Cluster::namespaces>},
    {"v1", "Node", AddNamed<DecodeNode, &Cluster::nodes>},
    {"v1", "Pod", AddNamespaced<DecodePod, &Cluster::pods>},
    {"v1", "Service", AddNamespaced<DecodeService, &Cluster::services>},
    {"discovery.k8s.io/v1", "EndpointSlice",
     AddNamespaced<DecodeEndpointSlice, &Cluster::endpoint_slices>},
    {"networking.k8s.io/v1", "NetworkPolicy",
     AddNamespaced<DecodeNetworkPolicy, &Cluster::network_policies>},
};

const Kind* FindKind(std::string_view version, std::string_view name) {
  for (const Kind& kind : kKinds) {
    if (version == kind.group && name == kind.name) {
      return &kind;
    }
  }
  return nullptr;
}

// Kind and name, for a message.
std::string Described(const Field& object, std::string_view kind) {
  std::optional<FieldProblem> ignored;
  const Field quiet(object.json(), ignored);
  const Field metadata = quiet["metadata"];
  return absl::StrCat(std::string(kind), " \"", metadata["name"].Text().substr(0, 253), "\"");
}

void DecodeObject(const Field& object, std::optional<FieldProblem>& problem,
                  const std::string& version, const std::string& name, Decoded& decoded) {
  const Kind* kind = FindKind(version, name);
  if (kind == nullptr && !problem) {
    decoded.ignored.push_back(absl::StrCat(version, " ", name));
    return;
  }
  if (kind != nullptr && !kind->add(object, problem, decoded.cluster)) {
    object["metadata"].Fail("the object is given twice");
  }
  if (problem) {
    absl::StrAppend(&problem->text, " (", Described(object, name), ")");
    decoded.problems.push_back(*std::exchange(problem, std::nullopt));
  }
}

std::string Required(const Field& field) {
  std::string text = field.Text();
  if (text.empty()) {
    field.Fail("is missing");
  }
  return text;
}

}  // namespace

void DecodeDocument(const Json& document, Decoded& decoded) {
  std::optional<FieldProblem> problem;
  const Field root(document, problem);
  if (!root.present()) {
    return;  // an empty document
  }
  const std::string version = Required(root["apiVersion"]);
  const std::string kind = Required(root["kind"]);
  const bool is_list = kind.ends_with("List") && root["items"].present();
  if (problem || !is_list) {
    return DecodeObject(root, problem, version, kind, decoded);
  }
  // Items of a PodList need not repeat their kind.
  const std::string item_kind = kind.substr(0, kind.size() - std::string_view("List").size());
  const Field items = root["items"];
  items.ForEach([&](const Field& item) {
    const bool inherits = !item_kind.empty() && !item["kind"].present();
    const std::string own_version = inherits ? version : Required(item["apiVersion"]);
    const std::string own_kind = inherits ? item_kind : Required(item["kind"]);
    DecodeObject(item, problem, own_version, own_kind, decoded);
  });
  if (problem) {
    decoded.problems.push_back(*problem);
  }
}

}  // namespace pollux::kubernetes
