// From pods and policies to what the workers judge by.
// Threading: pure functions; what they make is immutable.
#pragma once

#include <memory>

#include "dataplane/forwarding_config.h"
#include "dataplane/tables/identity_table.h"
#include "policy/compiler.h"

namespace pollux {

struct Identities {
  std::shared_ptr<const tables::IdentityTable> table =
      std::make_shared<const tables::IdentityTable>();
  std::shared_ptr<const policy::CompiledPolicies> policies =
      std::make_shared<const policy::CompiledPolicies>();

  // A policy isolates the pod that has the address.
  [[nodiscard]] bool Judges(const net::IpAddress& ip) const;
};

// Whether the identities of both are the same.
bool SameIdentities(const ForwardingConfig& a, const ForwardingConfig& b);

// Rules are numbered by the policies' places in the configuration.
Identities MakeIdentities(const ForwardingConfig& config);

}  // namespace pollux
