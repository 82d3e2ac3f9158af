// Why a part of an object can't be had: for the status of the agent, which names objects and fields
// as their author wrote them.
// Threading: plain values.
#pragma once

#include <string>
#include <vector>

#include "control/kubernetes/objects.h"

namespace pollux::kubernetes {

struct ObjectProblem {
  std::string kind;
  ObjectName object;  // namespace, name
  std::string field;  // spec.ports[1].nodePort
  std::string text;

  friend auto operator<=>(const ObjectProblem&, const ObjectProblem&) = default;
};

using ObjectProblems = std::vector<ObjectProblem>;

}  // namespace pollux::kubernetes
