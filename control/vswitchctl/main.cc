// vswitchctl: the operator's command line. Wiring only.
#include <unistd.h>

#include <cstdio>
#include <iostream>

#include "control/vswitchctl/command_line.h"
#include "control/vswitchctl/grpc_api.h"
#include "control/vswitchctl/interrupt.h"

int main(int argc, char** argv) {
  using namespace pollux::ctl;
  const CommandLine line = ParseCommandLine({argv + 1, argv + argc});
  if (!line.action) {
    std::fputs(line.text.c_str(), line.exit_code == 0 ? stdout : stderr);
    return line.exit_code;
  }
  Interrupt interrupt;
  const std::unique_ptr<Api> api = MakeGrpcApi(line.address, interrupt);
  Output output(std::cout, line.format, isatty(STDOUT_FILENO) == 1);
  Session session{.api = *api, .output = output, .notes = std::cerr};
  if (const absl::Status status = line.action(session); !status.ok()) {
    std::cerr << "vswitchctl: " << status.message() << '\n';
    return 1;
  }
  if (!std::cout.flush()) {
    std::cerr << "vswitchctl: cannot write to standard output\n";
    return 1;
  }
  return 0;
}
