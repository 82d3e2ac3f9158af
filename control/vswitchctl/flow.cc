// vswitchctl flow: connections that the switch follows.
#include "control/vswitchctl/commands.h"

namespace pollux::ctl {

void AddFlowNoun(CLI::App& app, Chosen& chosen) {
  CLI::App& noun = AddNoun(app, "flow", "Connections that the switch follows: there are none yet");
  AddVerb(noun, "list", "Fails: this vswitchd has no flow table", chosen, [](Session& /*session*/) {
    return absl::UnimplementedError(
        "this vswitchd has no flow table: every packet takes the first-packet path");
  });
}

}  // namespace pollux::ctl
