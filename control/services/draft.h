// A service of the switch in the making: what an object asks for, before it is known whether
// another object has it already. Threading: plain values.
#pragma once

#include <string>
#include <vector>

#include "control/kubernetes/objects.h"
#include "dataplane/core/service_config.h"

namespace pollux::services {

struct WantedFrontend {
  // What it is for its object, which may be less than what it is for the switch: an externalIP that
  // is the address of a node is served like a NodePort.
  core::FrontendKind source = core::FrontendKind::kClusterIp;
  core::FrontendConfig config;
  std::string field;  // where the object asks for it
};

struct Draft {
  std::string kind;  // Service or Pod
  kubernetes::ObjectName object;
  std::string created;         // sorts as text
  std::string field;           // the port, in the object
  core::ServiceConfig config;  // its frontends come last, see claims.h
  std::vector<WantedFrontend> wanted;
};

}  // namespace pollux::services
