// The nouns of the command line, one function and one file each. What they share: command.h.
// Threading: main thread.
#pragma once

#include "control/vswitchctl/command.h"

namespace pollux::ctl {

void AddStatusNoun(CLI::App& app, Chosen& chosen);
void AddPortNoun(CLI::App& app, Chosen& chosen);
void AddEndpointNoun(CLI::App& app, Chosen& chosen);
void AddRouteNoun(CLI::App& app, Chosen& chosen);
void AddServiceNoun(CLI::App& app, Chosen& chosen);
void AddPolicyNoun(CLI::App& app, Chosen& chosen);
void AddAgentNoun(CLI::App& app, Chosen& chosen);
void AddNeighbourNoun(CLI::App& app, Chosen& chosen);
void AddFlowNoun(CLI::App& app, Chosen& chosen);
void AddDropsNoun(CLI::App& app, Chosen& chosen);
void AddStatsNoun(CLI::App& app, Chosen& chosen);
void AddTraceNoun(CLI::App& app, Chosen& chosen);
void AddCaptureNoun(CLI::App& app, Chosen& chosen);
void AddWhyNoun(CLI::App& app, Chosen& chosen);
void AddConfigNoun(CLI::App& app, Chosen& chosen);
void AddWatchNoun(CLI::App& app, Chosen& chosen);

}  // namespace pollux::ctl
