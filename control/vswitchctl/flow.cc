// vswitchctl flow: connections that the switch follows.
#include <absl/strings/str_cat.h>

#include "control/vswitchctl/commands.h"
#include "control/vswitchctl/table.h"
#include "control/vswitchctl/units.h"

namespace pollux::ctl {
namespace {

constexpr std::uint32_t kDefaultLimit = 1000;
constexpr std::uint32_t kDefaultShown = 10;

bool HasPorts(const api::Flow& flow) {
  return flow.protocol() == "tcp" || flow.protocol() == "udp" || flow.protocol() == "sctp";
}

// "10.0.0.1:80 (shop/web)", "[fd00::1]:80"
std::string End(const api::Flow& flow, const std::string& ip, std::uint32_t port,
                const std::string& name) {
  const bool v6 = ip.find(':') != std::string::npos;
  const std::string address =
      !HasPorts(flow) ? ip : absl::StrCat(v6 ? "[" : "", ip, v6 ? "]:" : ":", port);
  return name.empty() ? address : absl::StrCat(address, " (", name, ")");
}

std::string Source(const api::Flow& flow, const api::FlowEnds& ends) {
  return End(flow, ends.source(), ends.source_port(), ends.source_name());
}
std::string Destination(const api::Flow& flow, const api::FlowEnds& ends) {
  return End(flow, ends.destination(), ends.destination_port(), ends.destination_name());
}

std::string Ends(const api::Flow& flow, const api::FlowEnds& ends) {
  return absl::StrCat(Source(flow, ends), " > ", Destination(flow, ends));
}

void Show(const api::ListFlowsReply& reply, std::ostream& out) {
  Table table({{"PROTOCOL"},
               {"FROM"},
               {"TO"},
               {"TRANSLATED"},
               {"PORTS"},
               {"STATE"},
               Number("IDLE"),
               Number("SENT"),
               Number("ANSWERED")});
  for (const api::Flow& flow : reply.items()) {
    table.Add({flow.protocol(), Source(flow, flow.original()), Destination(flow, flow.original()),
               flow.has_translated() ? Ends(flow, flow.translated()) : "",
               absl::StrCat(flow.ingress(), " > ", flow.egress()), flow.state(),
               FormatSeconds(flow.idle_ms() / 1000.0), absl::StrCat(flow.sent().packets()),
               absl::StrCat(flow.answered().packets())});
  }
  table.Print(out, "no connections");
  out << '\n'
      << reply.items_size() << " of " << reply.matching() << " that match; " << reply.connections()
      << " of at most " << reply.connections_limit() << " in the table\n";
}

std::string Counts(const api::FlowCounts& counts) {
  return absl::StrCat(counts.packets(), " packets, ", counts.bytes(), " bytes");
}

void ShowWhole(const api::ListFlowsReply& reply, std::ostream& out) {
  for (const api::Flow& flow : reply.items()) {
    out << flow.protocol() << ' ' << Ends(flow, flow.original()) << '\n'
        << "  translated  " << (flow.has_translated() ? Ends(flow, flow.translated()) : "nothing")
        << '\n'
        << "  ports       " << flow.ingress() << " > " << flow.egress() << '\n'
        << "  state       " << flow.state() << ", silent for "
        << FormatSeconds(flow.idle_ms() / 1000.0) << '\n'
        << "  sent        " << Counts(flow.sent()) << '\n'
        << "  answered    " << Counts(flow.answered()) << "\n\n";
  }
  out << reply.items_size() << " of " << reply.matching() << " that match\n";
}

void ShowFlushed(const api::FlushFlowsReply& reply, std::ostream& out) {
  out << reply.flushed() << " connections ended\n";
}

template <typename Request>
void AddFilter(CLI::App& verb, const std::shared_ptr<Request>& request) {
  const auto filter = [request] { return request->mutable_filter(); };
  AddText(verb, "--port", "NAME", "whose packets come in by this port, in either direction",
          [=](const std::string& port) { filter()->set_port(port); });
  AddText(verb, "--host", "PREFIX", "of one of the addresses, before or after translation",
          [=](const std::string& prefix) { filter()->set_host(prefix); });
  AddText(verb, "--protocol", "NAME|N", "tcp, udp, icmp, icmpv6, sctp, or a number of IANA's",
          [=](const std::string& protocol) { filter()->set_protocol(protocol); });
  AddNumber(verb, "--l4-port", "one of the ports, before or after translation",
            [=](std::uint32_t port) { filter()->set_l4_port(port); });
}

}  // namespace

void AddFlowNoun(CLI::App& app, Chosen& chosen) {
  CLI::App& noun = AddNoun(app, "flow", "Connections that the switch follows");
  const auto list = std::make_shared<api::ListFlowsRequest>();
  list->set_limit(kDefaultLimit);
  CLI::App& list_verb = AddVerb(
      noun, "list", "Shows connections, in no order\nCounts are packets; -o json has bytes, too.",
      chosen, Ask<api::ListFlowsRequest, api::ListFlowsReply>(list, &Api::ListFlows, Show));
  AddFilter(list_verb, list);
  AddNumber(list_verb, "--limit", "at most so many, 0 for all (default: 1000)",
            [=](std::uint32_t limit) { list->set_limit(limit); });
  const auto show = std::make_shared<api::ListFlowsRequest>();
  show->set_limit(kDefaultShown);
  CLI::App& show_verb =
      AddVerb(noun, "show", "Shows all that is known of connections, in no order", chosen,
              Ask<api::ListFlowsRequest, api::ListFlowsReply>(show, &Api::ListFlows, ShowWhole));
  AddFilter(show_verb, show);
  AddNumber(show_verb, "--limit", "at most so many, 0 for all (default: 10)",
            [=](std::uint32_t limit) { show->set_limit(limit); });
  const auto flush = std::make_shared<api::FlushFlowsRequest>();
  CLI::App& flush_verb = AddVerb(
      noun, "flush",
      "Ends connections\nTheir next packets are first packets: decided anew, and TCP segments that "
      "open nothing are dropped.",
      chosen,
      Ask<api::FlushFlowsRequest, api::FlushFlowsReply>(flush, &Api::FlushFlows, ShowFlushed));
  AddFilter(flush_verb, flush);
  AddSwitch(flush_verb, "--all", "every connection", [=] { flush->set_all(true); });
}

}  // namespace pollux::ctl
