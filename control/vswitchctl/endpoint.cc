// vswitchctl endpoint: pods, VMs and hosts with their addresses.
#include <absl/strings/str_join.h>

#include "control/vswitchctl/changes.h"
#include "control/vswitchctl/commands.h"
#include "control/vswitchctl/table.h"

namespace pollux::ctl {
namespace {

const char* YesNo(bool value) { return value ? "yes" : "no"; }

void ShowList(const api::ListEndpointsReply& reply, std::ostream& out) {
  Table table({{"NAME"}, {"PORT"}, {"MAC"}, {"IP"}, {"POD"}, {"OWNER"}, {"OPEN"}, {"LIVE"}});
  for (const api::Endpoint& endpoint : reply.items()) {
    table.Add({endpoint.name(), endpoint.port(), endpoint.mac(), absl::StrJoin(endpoint.ip(), ","),
               endpoint.pod(), endpoint.owner(), YesNo(endpoint.status().open()),
               YesNo(endpoint.status().live())});
  }
  table.Print(out, "no endpoints");
}

void ShowOne(const api::ListEndpointsReply& reply, std::ostream& out) {
  for (const api::Endpoint& endpoint : reply.items()) {
    auto fields = FieldsOf(endpoint);
    fields.emplace_back("owner", endpoint.owner());
    fields.emplace_back(
        "open", endpoint.status().open() ? "yes: packets pass" : "no: it waits for its policy");
    fields.emplace_back("live", endpoint.status().live() ? "yes: the workers have it"
                                                         : "no: its port could not be made");
    PrintFields(out, fields);
  }
}

void AddAdd(CLI::App& noun, Chosen& chosen) {
  const auto object = std::make_shared<api::Object>();
  api::Endpoint* endpoint = object->mutable_endpoint();  // the verb's functions keep the object
  CLI::App& add = AddVerb(noun, "add", "Adds an endpoint\nOne that is equal may be there already.",
                          chosen, AddObject(object));
  AddText(add, "NAME", "", "unique among endpoints: letters, digits and ._-:/@",
          [=](const std::string& name) { endpoint->set_name(name); })
      .Required();
  AddText(add, "--port", "NAME", "the port that it is on", [=](const std::string& port) {
    endpoint->set_port(port);
  }).Required();
  AddText(add, "--mac", "MAC", "its Ethernet address, unique in the switch",
          [=](const std::string& mac) { endpoint->set_mac(mac); })
      .Required();
  AddTexts(add, "--ip", "IP", "its address, IPv4 or IPv6, unique in the switch; repeat for more",
           [=](const std::string& ip) { endpoint->add_ip(ip); })
      .Required();
  AddText(add, "--pod", "NAMESPACE/NAME",
          "the Kubernetes Pod: closed until its policy is live (default: none, and open)",
          [=](const std::string& pod) { endpoint->set_pod(pod); });
}

void AddLook(CLI::App& noun, Chosen& chosen) {
  const auto all = std::make_shared<api::ListRequest>();
  AddVerb(noun, "list", "Shows all endpoints", chosen,
          Ask<api::ListRequest, api::ListEndpointsReply>(all, &Api::ListEndpoints, ShowList));
  const auto one = std::make_shared<api::ListRequest>();
  CLI::App& show =
      AddVerb(noun, "show", "Shows everything about an endpoint", chosen,
              Ask<api::ListRequest, api::ListEndpointsReply>(one, &Api::ListEndpoints, ShowOne));
  AddText(show, "NAME", "", "of the endpoint", [=](const std::string& name) {
    one->set_name(name);
  }).Required();
}

void AddRemove(CLI::App& noun, Chosen& chosen) {
  const auto request = std::make_shared<api::ApplyRequest>();
  CLI::App& remove =
      AddVerb(noun, "remove", "Removes endpoints, all or none", chosen, RemoveObjects(request));
  AddTexts(remove, "NAME", "", "of the endpoints", [=](const std::string& name) {
    request->add_remove()->set_endpoint(name);
  }).Required();
}

}  // namespace

void AddEndpointNoun(CLI::App& app, Chosen& chosen) {
  CLI::App& noun = AddNoun(app, "endpoint", "Pods, VMs and hosts with their addresses");
  AddAdd(noun, chosen);
  AddLook(noun, chosen);
  AddRemove(noun, chosen);
}

}  // namespace pollux::ctl
