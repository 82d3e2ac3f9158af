// YAML as Kubernetes' tools write it, as JSON values.
//
// Scalars are resolved by the core schema of YAML 1.2 (section 10.3): only true, false, null and
// numbers that are not quoted are anything else than text. Aliases are copied, and what they may
// grow to is bounded.
// Threading: pure functions.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

namespace pollux::kubernetes {

struct YamlError {
  int line = 0;  // from 1
  int column = 0;
  std::string text;
};

struct YamlDocuments {
  std::vector<nlohmann::json> documents;  // those before the error
  std::optional<YamlError> error;
};

YamlDocuments ParseYaml(const std::string& text);

// The line of a field, such as "spec.ports[1].endPort", in the document of that number; of the
// nearest one around it that is there. 0: there is no such document.
int LineOf(const std::string& text, std::size_t document, std::string_view field);

}  // namespace pollux::kubernetes
