// Which pods a policy means, by their labels: matchLabels and matchExpressions in one form.
// Source: Kubernetes, "Labels and Selectors", resources that support set-based requirements.
// Threading: plain values.
#pragma once

#include <compare>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

namespace pollux::policy {

using Labels = std::map<std::string, std::string, std::less<>>;

enum class Operator : std::uint8_t { kIn, kNotIn, kExists, kDoesNotExist };

struct Requirement {
  std::string key;
  Operator op = Operator::kExists;
  std::vector<std::string> values;  // of kIn and kNotIn

  // kNotIn holds without the key as well.
  [[nodiscard]] bool Holds(const Labels& labels) const;
  friend auto operator<=>(const Requirement&, const Requirement&) = default;
};

struct Selector {
  std::vector<Requirement> requirements;  // all must hold; none: selects everything

  [[nodiscard]] bool Matches(const Labels& labels) const;
  friend auto operator<=>(const Selector&, const Selector&) = default;
};

}  // namespace pollux::policy
