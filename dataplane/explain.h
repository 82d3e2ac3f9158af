// What would become of a packet, and why: `vswitchctl why`.
//
// Not a second opinion: a first packet is made in memory and shown to the very steps of the
// journey (pipeline.h) over the live snapshot, with a worker's state of its own, so that nothing is
// sent, counted, learned or asked for. What is added here are the texts.
// Threading: pure function on a snapshot that the caller keeps alive.
#pragma once

#include <absl/status/statusor.h>

#include "dataplane/dataplane.h"
#include "dataplane/tables/tables.h"

namespace pollux {

// `config` is what the tables were built of: it has the names. FailedPrecondition if no port is
// given and none can be told from the source; NotFound for a port that is not there.
absl::StatusOr<Explanation> Explain(const tables::Tables& tables, const ForwardingConfig& config,
                                    const ExplainQuery& query);

}  // namespace pollux
