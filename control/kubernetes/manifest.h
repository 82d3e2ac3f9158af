// A file of Kubernetes objects, as people write them: YAML of several documents, or JSON.
// Threading: pure functions.
#pragma once

#include <string>
#include <vector>

#include "control/kubernetes/decode.h"
#include "control/kubernetes/objects.h"

namespace pollux::kubernetes {

struct ManifestProblem {
  int line = 0;       // from 1; 0: the whole file
  std::string field;  // spec.ports[1].endPort; may be empty
  std::string text;

  friend bool operator==(const ManifestProblem&, const ManifestProblem&) = default;
};

struct Manifest {
  Cluster objects;
  std::vector<std::string> ignored;  // kinds that are not for Pollux, each once
  std::vector<ManifestProblem> problems;
};

// `name` decides by its end: ".json" is JSON, everything else YAML.
Manifest ReadManifest(const std::string& name, const std::string& text);

}  // namespace pollux::kubernetes
