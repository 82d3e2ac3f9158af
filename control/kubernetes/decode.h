// From a document tree to the objects, checked as the API server would check what matters here.
// Unknown fields are ignored.
// Threading: pure functions.
#pragma once

#include <string>
#include <vector>

#include "control/kubernetes/field.h"
#include "control/kubernetes/objects.h"

namespace pollux::kubernetes {

Namespace DecodeNamespaceObject(const Field& object);
Node DecodeNode(const Field& object);
Pod DecodePod(const Field& object);
Service DecodeService(const Field& object);
EndpointSlice DecodeEndpointSlice(const Field& object);
NetworkPolicy DecodeNetworkPolicy(const Field& object);

struct Decoded {
  Cluster cluster;
  std::vector<std::string> ignored;    // kinds that are not for Pollux, one entry per object
  std::vector<FieldProblem> problems;  // at most one per object; such an object is left out
};

// One document: an object, a List or a kind's own list. Adds to `decoded`; an object that is there
// already is a problem.
void DecodeDocument(const Json& document, Decoded& decoded);

}  // namespace pollux::kubernetes
