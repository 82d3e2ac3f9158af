// vswitchctl why: what would become of a packet.
#include "control/vswitchctl/commands.h"
#include "control/vswitchctl/table.h"

namespace pollux::ctl {
namespace {

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
  AddText(why, "SOURCE", "", "IP address that it comes from", [=](const std::string& source) {
    request->set_source(source);
  }).Required();
  AddText(why, "DESTINATION", "", "IP address that it goes to, of the same family",
          [=](const std::string& destination) { request->set_destination(destination); })
      .Required();
  AddText(why, "--port", "NAME",
          "the port that it enters by (default: the one of the source's endpoint)",
          [=](const std::string& port) { request->set_port(port); });
}

}  // namespace pollux::ctl
