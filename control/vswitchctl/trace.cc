// vswitchctl trace: packets of the live switch in words, step by step.
#include <absl/strings/str_cat.h>

#include <algorithm>
#include <utility>

#include "control/vswitchctl/commands.h"
#include "control/vswitchctl/observe_flags.h"
#include "control/vswitchctl/trace_text.h"

namespace pollux::ctl {
namespace {

absl::Status Run(Session& session, const ObserveFlags& flags) {
  PacketLimit limit(flags);
  TraceText text;
  std::uint64_t missed = 0;
  return session.api.Trace(flags.request, [&](const api::ObservationBatch& all) {
    const api::ObservationBatch batch = limit.Trim(all);
    if (batch.missed() > missed) {
      missed = batch.missed();
      session.notes << missed << " observations missed so far: a narrower filter loses fewer\n";
    }
    return session.output.PrintNext(batch, [&](std::ostream& out) {
      text.Print(batch.items(), out);
    }) && !limit.reached();
  });
}

}  // namespace

void AddTraceNoun(CLI::App& app, Chosen& chosen) {
  const auto flags = std::make_shared<ObserveFlags>();
  CLI::App& trace =
      AddVerb(app, "trace",
              "Shows packets of the live switch in words, with the verdict of each step\n"
              "All conditions that are given must hold. Ends when interrupted.",
              chosen, [flags](Session& session) { return Run(session, *flags); });
  AddObserveFlags(trace, flags);
}

}  // namespace pollux::ctl
