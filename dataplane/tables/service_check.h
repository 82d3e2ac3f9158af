// Which service configurations the table takes.
// Threading: pure functions.
#pragma once

#include <absl/status/status.h>

#include <string>

#include "dataplane/core/service_config.h"

namespace pollux::tables {

// InvalidArgument for what is wrong with a service by itself.
absl::Status CheckService(const core::ServiceConfig& config);

// InvalidArgument that names the service and the field.
absl::Status ServiceError(const core::ServiceConfig& config, const char* field,
                          const std::string& text);

}  // namespace pollux::tables
