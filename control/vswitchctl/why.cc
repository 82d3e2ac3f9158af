// vswitchctl why: what would become of a packet.
#include <absl/strings/str_cat.h>

#include <cstdint>
#include <string>

#include "control/vswitchctl/commands.h"
#include "control/vswitchctl/table.h"

namespace pollux::ctl {
namespace {

// "tcp 10.1.0.2:40000 > 10.96.0.1:80, as 10.1.0.2:40000 > 10.1.0.3:8080"
std::string TextOf(const api::FlowEnds& ends) {
  const auto end = [](const std::string& ip, std::uint32_t port) {
    return ip.find(':') == std::string::npos ? absl::StrCat(ip, ":", port)
                                             : absl::StrCat("[", ip, "]:", port);
  };
  return absl::StrCat(end(ends.source(), ends.source_port()), " > ",
                      end(ends.destination(), ends.destination_port()));
}
std::string TextOf(const api::Flow& flow) {
  return absl::StrCat(
      flow.protocol(), " ", TextOf(flow.original()),
      flow.has_translated() ? absl::StrCat(", as ", TextOf(flow.translated())) : "");
}

void Show(const api::ExplainReply& reply, std::ostream& out) {
  for (const api::Explanation& explanation : reply.items()) {
    out << explanation.verdict();
    if (!explanation.reason().empty()) {
      out << ": " << explanation.reason();
    }
    out << "\nin by " << (explanation.ingress().empty() ? "no port" : explanation.ingress())
        << ", out by " << (explanation.egress().empty() ? "no port" : explanation.egress())
        << "\n\n";
    std::vector<std::pair<std::string, std::string>> steps;
    for (const api::ExplainedStep& step : explanation.steps()) {
      steps.emplace_back(step.step(), step.text());
    }
    PrintFields(out, steps);
    if (explanation.has_flow()) {
      out << "\nflow entry  " << TextOf(explanation.flow()) << "\n";
    }
  }
}

}  // namespace

void AddWhyNoun(CLI::App& app, Chosen& chosen) {
  const auto request = std::make_shared<api::ExplainRequest>();
  CLI::App& why =
      AddVerb(app, "why",
              "Tells what would become of a packet\n"
              "By the configuration alone; no packet is sent. Exit status 0 for any answer.",
              chosen, Ask<api::ExplainRequest, api::ExplainReply>(request, &Api::Explain, Show));
  AddText(why, "SOURCE", "",
          "where it comes from: an IP address, a pod (NAMESPACE/NAME) or endpoint",
          [=](const std::string& source) { request->set_source(source); })
      .Required();
  AddText(why, "DESTINATION", "",
          "where it goes to: as SOURCE, or a service (NAMESPACE/NAME[:PORT])",
          [=](const std::string& destination) { request->set_destination(destination); })
      .Required();
  AddText(why, "PROTOCOL", "", "tcp, udp, sctp or icmp (default: icmp, a ping)",
          [=](const std::string& protocol) { request->set_protocol(protocol); });
  AddNumber(why, "L4_PORT", "port of the destination, with tcp, udp and sctp",
            [=](std::uint32_t port) { request->set_l4_port(port); });
  AddNumber(why, "--source-port", "port of the source (default: 40000)",
            [=](std::uint32_t port) { request->set_source_l4_port(port); });
  AddText(why, "--port", "NAME",
          "the port that it enters by (default: the one of the source's endpoint)",
          [=](const std::string& port) { request->set_port(port); });
}

}  // namespace pollux::ctl
