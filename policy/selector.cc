#include "policy/selector.h"

#include <algorithm>

namespace pollux::policy {

bool Requirement::Holds(const Labels& labels) const {
  const auto label = labels.find(key);
  const bool exists = label != labels.end();
  const auto listed = [&] {
    return exists && std::find(values.begin(), values.end(), label->second) != values.end();
  };
  switch (op) {
    case Operator::kIn:
      return listed();
    case Operator::kNotIn:
      return !listed();
    case Operator::kExists:
      return exists;
    case Operator::kDoesNotExist:
      return !exists;
  }
  return false;
}

bool Selector::Matches(const Labels& labels) const {
  return std::all_of(requirements.begin(), requirements.end(),
                     [&](const Requirement& requirement) { return requirement.Holds(labels); });
}

}  // namespace pollux::policy
