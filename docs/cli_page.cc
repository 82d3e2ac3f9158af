// Prints docs/cli.md from the command line's own help.
#include <iostream>
#include <string_view>

#include "control/vswitchctl/command_line.h"

namespace pollux {
namespace {

constexpr std::string_view kIntroduction = R"(# vswitchctl

The command line of `vswitchd`. Generated from its `--help` by `docs/generate`; do not edit.

    vswitchctl port add web --type tap --netns /run/netns/web --ifname eth0
    vswitchctl endpoint add web --port web --mac 02:00:00:00:00:01 --ip 10.0.0.1 --ip fd00::1
    vswitchctl why 10.0.0.1 10.0.0.2
    vswitchctl capture --port web --drops -w - | tshark -i -
    vswitchctl config dump > node.yaml && vswitchctl config apply --dry-run node.yaml

Global flags may stand anywhere on the line. `add` only adds: an object that is there with other
contents is an error, one that is equal is not; what is not there is removed without an error.
`-o json` prints one document, `{"revision": "...", "items": [...]}` in protobuf's JSON: names in
lowerCamelCase, 64-bit numbers as strings, fields at their default included. The messages are those
of [control/proto/vswitch/v1](../control/proto/vswitch/v1). `-o yaml` prints the same data. What
goes on (`--watch`, `trace`, `watch`) prints one JSON document per line, and ends with exit status 0
when it is interrupted. Errors go to stderr; those of the switch name the field that is wrong.
)";

void PrintPage(std::ostream& out) {
  out << kIntroduction;
  for (const auto& [command, help] : ctl::AllHelp()) {
    out << "\n## " << command << "\n\n```\n"
        << help.substr(0, help.find_last_not_of('\n') + 1) << "\n```\n";
  }
}

}  // namespace
}  // namespace pollux

int main() {
  pollux::PrintPage(std::cout);
  return 0;
}
