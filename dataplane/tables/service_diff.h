// What is different between service configurations.
// Threading: pure functions.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "dataplane/core/service_config.h"

namespace pollux::tables {

struct ServiceDiff {
  std::vector<std::shared_ptr<const core::ServiceConfig>> put;  // new, or not as before
  std::vector<std::string> removed;
};

// By name; what is shared is equal. Costs a comparison of pointers for each service that is the
// same in both, in the same order, before the first difference and behind the last.
ServiceDiff DiffServices(std::span<const std::shared_ptr<const core::ServiceConfig>> before,
                         std::span<const std::shared_ptr<const core::ServiceConfig>> after);

// Is something refused `after` that the same service's frontends allowed `before`? When in doubt
// yes: it costs a decision more, and nothing that is closed stays open.
bool Narrows(const core::ServiceConfig& before, const core::ServiceConfig& after);

}  // namespace pollux::tables
