// The nouns of the command line, one function and one file each. What they share: command.h.
// Threading: main thread.
#pragma once

#include "control/vswitchctl/command.h"

namespace pollux::ctl {

void AddStatus(CLI::App& app, Chosen& chosen);
void AddPort(CLI::App& app, Chosen& chosen);
void AddEndpoint(CLI::App& app, Chosen& chosen);
void AddRoute(CLI::App& app, Chosen& chosen);
void AddDrops(CLI::App& app, Chosen& chosen);
void AddStats(CLI::App& app, Chosen& chosen);

}  // namespace pollux::ctl
