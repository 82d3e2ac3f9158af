// vswitchctl port: where pods, the host and the wire plug in.
#include <absl/strings/str_cat.h>
#include <absl/strings/str_join.h>

#include "control/vswitchctl/changes.h"
#include "control/vswitchctl/commands.h"
#include "control/vswitchctl/port_kind.h"
#include "control/vswitchctl/table.h"

namespace pollux::ctl {
namespace {

std::string InUse(const api::Port& port) {
  return port.status().mac().empty() ? port.mac() : port.status().mac();
}

void ShowList(const api::ListPortsReply& reply, std::ostream& out) {
  Table table({{"NAME"},
               {"TYPE"},
               {"ROLE"},
               {"OWNER"},
               {"LINK"},
               {"STATE"},
               {"MAC"},
               Number("MTU"),
               Number("QUEUES"),
               {"WORKERS"}});
  for (const api::Port& port : reply.items()) {
    table.Add({port.name(), TypeOf(port), port.role(), port.owner(),
               port.status().link_up() ? "up" : "down", port.status().state(), InUse(port),
               absl::StrCat(port.mtu()), absl::StrCat(port.queues()),
               absl::StrJoin(port.status().workers(), ",")});
  }
  table.Print(out, "no ports");
}

void ShowOne(const api::ListPortsReply& reply, std::ostream& out) {
  for (const api::Port& port : reply.items()) {
    auto fields = FieldsOf(port);
    fields.insert(fields.begin() + 1, {"type", TypeOf(port)});
    fields.emplace_back("owner", port.owner());
    fields.emplace_back("link", port.status().link_up() ? "up" : "down");
    fields.emplace_back("state", port.status().state());
    fields.emplace_back("mac in use", port.status().mac());
    for (int queue = 0; queue < port.status().workers_size(); ++queue) {
      fields.emplace_back(absl::StrCat("receive queue ", queue),
                          absl::StrCat("worker ", port.status().workers(queue)));
    }
    for (const api::Detail& detail : port.status().details()) {
      fields.emplace_back(detail.name(), detail.value());
    }
    PrintFields(out, fields);
  }
}

void AddKindFlags(CLI::App& verb, const std::shared_ptr<KindFlags>& flags) {
  const auto text = [&](const char* name, const char* value, const char* help,
                        std::optional<std::string> KindFlags::*field) {
    return AddText(verb, name, value, help, [=](const std::string& v) { (*flags).*field = v; });
  };
  text("--netns", "PATH",
       "tap: network namespace of the device, such as /run/netns/NAME (default: vswitchd's own)",
       &KindFlags::netns);
  text("--ifname", "NAME", "tap: name of the device, at most 15 bytes (default: the port's)",
       &KindFlags::ifname);
  text("--socket", "PATH", "vhost-user, memif: absolute path of the unix socket",
       &KindFlags::socket);
  text("--mode", "server|client",
       "vhost-user: the switch listens, or connects again and again (default: server)",
       &KindFlags::mode)
      .OneOf({"server", "client"});
  AddNumber(verb, "--id", "memif: interface id, unique per socket (default: 0)",
            [=](std::uint32_t id) { flags->id = id; });
  text("--role", "server|client", "memif: the switch listens, or connects (default: server)",
       &KindFlags::role)
      .OneOf({"server", "client"});
  text("--socket-owner", "USER[:GROUP]",
       "vhost-user, memif: owner of a socket that the switch makes (default: vswitchd's)",
       &KindFlags::socket_owner);
  text("--socket-mode", "OCTAL",
       "vhost-user, memif: permissions of a socket that the switch makes (default: 0600)",
       &KindFlags::socket_mode);
  text("--devargs", "STRING", "ethdev: DPDK's name of the device, such as 0000:01:00.0",
       &KindFlags::devargs);
}

void AddAdd(CLI::App& noun, Chosen& chosen) {
  const auto object = std::make_shared<api::Object>();
  const auto flags = std::make_shared<KindFlags>();
  api::Port* port = object->mutable_port();  // the verb's functions keep the object
  CLI::App& add = AddVerb(noun, "add", "Adds a port\nOne that is equal may be there already.",
                          chosen, AddObject(object), [=] { return FillKind(*flags, port); });
  AddText(add, "NAME", "", "unique in the switch: letters, digits and ._-:/@",
          [=](const std::string& name) { port->set_name(name); })
      .Required();
  AddText(add, "--type", "tap|vhost-user|memif|ethdev", "what is plugged in",
          [=](const std::string& type) { flags->type = type; })
      .Required()
      .OneOf({"tap", "vhost-user", "memif", "ethdev"});
  AddText(add, "--mac", "MAC",
          "address of the peer (default for tap: chosen by the switch, else not known)",
          [=](const std::string& mac) { port->set_mac(mac); });
  AddNumber(add, "--mtu", "bytes of layer 3, 68 to 9216 (default: 1500)",
            [=](std::uint32_t mtu) { port->set_mtu(mtu); });
  AddNumber(add, "--queues", "queues in each direction, 1 to 16 (default: 1)",
            [=](std::uint32_t queues) { port->set_queues(queues); });
  AddNumber(add, "--ring-size",
            "descriptors per queue where the switch chooses, a power of two (default: 1024)",
            [=](std::uint32_t size) { port->set_ring_size(size); });
  const Flag uplink = AddSwitch(
      add, "--uplink", "the wire: next hops are resolved by ARP and ND (default: a pod's port)",
      [=] { port->set_role("uplink"); });
  AddTexts(add, "--address", "CIDR",
           "uplinks: the switch's own address with the length of its subnet; repeat for more",
           [=](const std::string& address) { port->add_address(address); })
      .Needs(uplink);
  AddNumber(add, "--vlan", "IEEE 802.1Q, 1 to 4094 (default: untagged)",
            [=](std::uint32_t vlan) { port->set_vlan(vlan); });
  AddKindFlags(add, flags);
}

void AddLook(CLI::App& noun, Chosen& chosen) {
  const auto all = std::make_shared<api::ListRequest>();
  AddVerb(noun, "list", "Shows all ports", chosen,
          Ask<api::ListRequest, api::ListPortsReply>(all, &Api::ListPorts, ShowList));
  const auto one = std::make_shared<api::ListRequest>();
  CLI::App& show =
      AddVerb(noun, "show", "Shows everything about a port", chosen,
              Ask<api::ListRequest, api::ListPortsReply>(one, &Api::ListPorts, ShowOne));
  AddText(show, "NAME", "", "of the port", [=](const std::string& name) {
    one->set_name(name);
  }).Required();
}

void AddRemove(CLI::App& noun, Chosen& chosen) {
  const auto request = std::make_shared<api::ApplyRequest>();
  CLI::App& remove = AddVerb(
      noun, "remove", "Removes ports, all or none\nTheir endpoints and routes have to go first.",
      chosen, RemoveObjects(request));
  AddTexts(remove, "NAME", "", "of the ports", [=](const std::string& name) {
    request->add_remove()->set_port(name);
  }).Required();
}

void AddMove(CLI::App& noun, Chosen& chosen) {
  const auto request = std::make_shared<api::MoveQueueRequest>();
  CLI::App& move = AddVerb(noun, "move", "Moves the polling of a receive queue to another worker",
                           chosen, [request](Session& session) {
                             const absl::StatusOr<api::MoveQueueReply> reply =
                                 session.api.MoveQueue(*request);
                             if (reply.ok()) {
                               session.output.Print(*reply, [&](std::ostream& out) {
                                 out << "worker " << request->worker() << " polls queue "
                                     << request->queue() << " of port \"" << request->port()
                                     << "\" now\nrevision " << reply->revision() << '\n';
                               });
                             }
                             return reply.status();
                           });
  AddText(move, "NAME", "", "of the port", [=](const std::string& name) {
    request->set_port(name);
  }).Required();
  AddNumber(move, "--queue", "index of its receive queue, from 0", [=](std::uint32_t queue) {
    request->set_queue(queue);
  }).Required();
  AddNumber(move, "--worker", "index of the worker, from 0, in the order of vswitchd's --cores",
            [=](std::uint32_t worker) { request->set_worker(worker); })
      .Required();
}

}  // namespace

void AddPortNoun(CLI::App& app, Chosen& chosen) {
  CLI::App& noun = AddNoun(app, "port", "Where pods, the host and the wire plug in");
  AddAdd(noun, chosen);
  AddLook(noun, chosen);
  AddRemove(noun, chosen);
  AddMove(noun, chosen);
}

}  // namespace pollux::ctl
