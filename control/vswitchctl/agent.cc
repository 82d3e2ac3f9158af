// vswitchctl agent: what vswitch-agent has read, and what it made of it.
#include <absl/strings/str_cat.h>
#include <absl/strings/str_join.h>

#include <string>

#include "control/vswitchctl/commands.h"
#include "control/vswitchctl/table.h"
#include "control/vswitchctl/units.h"

namespace pollux::ctl {
namespace {

std::string TextOf(const api::ManifestProblem& problem) {
  return absl::StrCat(problem.line() > 0 ? absl::StrCat("line ", problem.line(), ": ") : "",
                      problem.field().empty() ? "" : absl::StrCat(problem.field(), ": "),
                      problem.text());
}

void ShowFiles(const api::AgentStatus& status, std::ostream& out) {
  Table table({{"FILE"}, Number("OBJECTS"), {"PROBLEM"}, {"NOT FOR POLLUX"}});
  for (const api::ManifestFile& file : status.files()) {
    table.Add({file.name(), absl::StrCat(file.objects()),
               file.problems().empty() ? "" : TextOf(file.problems(0)),
               absl::StrJoin(file.ignored(), ", ")});
    for (int i = 1; i < file.problems_size(); ++i) {
      table.Add({"", "", TextOf(file.problems(i)), ""});
    }
  }
  table.Print(out, "no files");
}

void Show(const api::GetAgentStatusReply& reply, std::ostream& out) {
  for (const api::AgentStatus& status : reply.items()) {
    out << "vswitch-agent " << status.version() << ", process " << status.pid() << ", up for "
        << FormatSeconds(status.uptime_seconds()) << ", node " << status.node() << "\n"
        << status.services() << " services, " << status.workloads() << " pods, "
        << status.policies() << " policies, from " << status.source() << "\nthe switch is "
        << status.switch_state() << ", revision " << reply.revision() << "; the last change took "
        << status.last_change_ms() << " ms\n\n";
    ShowFiles(status, out);
    out << (status.refusals().empty() ? "\nnothing refused\n" : "\nrefused:\n");
    for (const api::Refusal& refusal : status.refusals()) {
      out << "  " << refusal.kind() << " " << refusal.object() << ": " << refusal.field() << ": "
          << refusal.text() << "\n";
    }
  }
}

}  // namespace

void AddAgentNoun(CLI::App& app, Chosen& chosen) {
  CLI::App& noun = AddNoun(app, "agent", "The agent that keeps the switch equal to Kubernetes");
  const auto request = std::make_shared<api::GetAgentStatusRequest>();
  AddVerb(noun, "status", "Shows what was read, compiled, refused", chosen,
          Ask<api::GetAgentStatusRequest, api::GetAgentStatusReply>(request, &Api::GetAgentStatus,
                                                                    Show));
}

}  // namespace pollux::ctl
