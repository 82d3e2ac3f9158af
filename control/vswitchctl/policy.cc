// vswitchctl policy: the network policies that the switch enforces.
#include <absl/strings/str_cat.h>
#include <absl/strings/str_join.h>

#include <string>

#include "control/vswitchctl/commands.h"
#include "control/vswitchctl/table.h"

namespace pollux::ctl {
namespace {

std::string TextOf(const api::Selector& selector) {
  if (selector.requirement().empty()) {
    return "all pods";
  }
  return absl::StrJoin(selector.requirement(), ", ",
                       [](std::string* out, const api::Requirement& requirement) {
                         absl::StrAppend(out, requirement.key(), " ", requirement.op(), " ",
                                         absl::StrJoin(requirement.value(), "|"));
                       });
}

std::string RulesOf(bool present, const api::PolicyRules& rules) {
  return present ? absl::StrCat(rules.rule_size()) : "-";
}

void ShowList(const api::ListPoliciesReply& reply, std::ostream& out) {
  Table table({{"POLICY"}, {"SELECTS"}, {"INGRESS RULES"}, {"EGRESS RULES"}, {"MODE"}, {"OWNER"}});
  for (const api::Policy& policy : reply.items()) {
    table.Add({policy.name(), TextOf(policy.pods()),
               RulesOf(policy.has_ingress(), policy.ingress()),
               RulesOf(policy.has_egress(), policy.egress()), policy.audit() ? "audit" : "enforce",
               policy.owner()});
  }
  table.Print(out, "no policies");
}

}  // namespace

void AddPolicyNoun(CLI::App& app, Chosen& chosen) {
  CLI::App& noun = AddNoun(app, "policy", "Network policies that the switch enforces");
  const auto all = std::make_shared<api::ListRequest>();
  CLI::App& list =
      AddVerb(noun, "list", "Shows all policies, or one; their rules with -o json", chosen,
              Ask<api::ListRequest, api::ListPoliciesReply>(all, &Api::ListPolicies, ShowList));
  AddText(list, "NAME", "", "the only one to show, NAMESPACE/NAME",
          [=](const std::string& name) { all->set_name(name); });
}

}  // namespace pollux::ctl
