// The table of workers, as `status` and `stats` show it.
// Threading: pure functions.
#pragma once

#include <ostream>

#include "control/vswitchctl/api.h"

namespace pollux::ctl {

using Workers = google::protobuf::RepeatedPtrField<api::Worker>;

// `with_rates`: the messages have rates over an interval.
void PrintWorkers(const Workers& workers, bool with_rates, std::ostream& out);

}  // namespace pollux::ctl
