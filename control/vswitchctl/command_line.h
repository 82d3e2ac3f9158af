// The command line: global flags, nouns, and what a line asks for.
// Threading: main thread.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "control/vswitchctl/command.h"
#include "control/vswitchctl/grpc_api.h"

namespace pollux::ctl {

// What a line asks for. Without an action, `text` is to be printed before the program ends with
// `exit_code`: 0 on stdout, otherwise on stderr.
struct CommandLine {
  Action action;
  int exit_code = 0;
  std::string text;
  Address address;
  std::optional<Format> format;
};

// `arguments`: without the program's name.
CommandLine ParseCommandLine(const std::vector<std::string>& arguments);

// The command and its --help, for the program, every noun and every verb.
std::vector<std::pair<std::string, std::string>> AllHelp();

}  // namespace pollux::ctl
