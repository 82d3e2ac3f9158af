// vswitchctl route: where packets go whose destination is no endpoint.
#include "control/vswitchctl/changes.h"
#include "control/vswitchctl/commands.h"
#include "control/vswitchctl/table.h"

namespace pollux::ctl {
namespace {

void ShowList(const api::ListRoutesReply& reply, std::ostream& out) {
  Table table({{"PREFIX"}, {"VIA"}, {"PORT"}, {"OWNER"}, {"LIVE"}});
  for (const api::Route& route : reply.items()) {
    table.Add({route.prefix(), route.via(), route.port(), route.owner(),
               route.status().live() ? "yes" : "no"});
  }
  table.Print(out, "no routes");
}

void AddAdd(CLI::App& noun, Chosen& chosen) {
  const auto object = std::make_shared<api::Object>();
  api::Route* route = object->mutable_route();  // the verb's functions keep the object
  CLI::App& add = AddVerb(noun, "add", "Adds a route\nOne that is equal may be there already.",
                          chosen, AddObject(object));
  AddText(add, "PREFIX", "", "destinations, as ADDRESS/LENGTH; the longest prefix wins",
          [=](const std::string& prefix) { route->set_prefix(prefix); })
      .Required();
  AddText(add, "--via", "IP", "next hop (default: destinations are on the link itself)",
          [=](const std::string& via) { route->set_via(via); });
  AddText(add, "--port", "NAME", "the port that packets leave by", [=](const std::string& port) {
    route->set_port(port);
  }).Required();
}

void AddRemove(CLI::App& noun, Chosen& chosen) {
  const auto request = std::make_shared<api::ApplyRequest>();
  CLI::App& remove =
      AddVerb(noun, "remove", "Removes routes, all or none", chosen, RemoveObjects(request));
  AddTexts(remove, "PREFIX", "", "of the routes", [=](const std::string& prefix) {
    request->add_remove()->set_route(prefix);
  }).Required();
}

}  // namespace

void AddRouteNoun(CLI::App& app, Chosen& chosen) {
  CLI::App& noun = AddNoun(app, "route", "Where packets go whose destination is no endpoint");
  AddAdd(noun, chosen);
  const auto all = std::make_shared<api::ListRequest>();
  AddVerb(noun, "list", "Shows all routes", chosen,
          Ask<api::ListRequest, api::ListRoutesReply>(all, &Api::ListRoutes, ShowList));
  AddRemove(noun, chosen);
}

}  // namespace pollux::ctl
