// vswitchctl neighbour: Ethernet addresses that the switch learned on its uplinks.
#include "control/vswitchctl/commands.h"
#include "control/vswitchctl/table.h"

namespace pollux::ctl {
namespace {

void Show(const api::ListNeighboursReply& reply, std::ostream& out) {
  Table table({{"PORT"}, {"IP"}, {"MAC"}, {"STATE"}});
  for (const api::Neighbour& neighbour : reply.items()) {
    table.Add({neighbour.port(), neighbour.ip(), neighbour.mac(), neighbour.state()});
  }
  table.Print(out, "no neighbours");
}

}  // namespace

void AddNeighbourNoun(CLI::App& app, Chosen& chosen) {
  CLI::App& noun = AddNoun(app, "neighbour", "Next hops on uplinks, as ARP and ND found them");
  const auto request = std::make_shared<api::ListNeighboursRequest>();
  AddVerb(noun, "list", "Shows all neighbours", chosen,
          Ask<api::ListNeighboursRequest, api::ListNeighboursReply>(request, &Api::ListNeighbours,
                                                                    Show));
}

}  // namespace pollux::ctl
