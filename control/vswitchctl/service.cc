// vswitchctl service: the services of the cluster, as the switch serves them.
#include <absl/strings/str_cat.h>

#include <algorithm>
#include <cstdint>
#include <string>

#include "control/vswitchctl/commands.h"
#include "control/vswitchctl/table.h"

namespace pollux::ctl {
namespace {

std::string BackendsOf(const api::Service& service) {
  const auto draining = std::count_if(service.backend().begin(), service.backend().end(),
                                      [](const api::Backend& b) { return b.draining(); });
  return draining == 0 ? absl::StrCat(service.backend_size())
                       : absl::StrCat(service.backend_size(), ", ", draining, " draining");
}

// One row for each frontend.
void ShowList(const api::ListServicesReply& reply, std::ostream& out) {
  Table table({{"SERVICE"},
               {"KIND"},
               {"ADDRESS"},
               {"PORT"},
               {"PROTOCOL"},
               {"BACKENDS"},
               {"LOCAL ONLY"},
               {"OWNER"}});
  for (const api::Service& service : reply.items()) {
    for (const api::Frontend& frontend : service.frontend()) {
      table.Add({service.name(), frontend.kind(), frontend.ip(), absl::StrCat(frontend.port()),
                 service.protocol(), BackendsOf(service), frontend.local_only() ? "yes" : "no",
                 service.owner()});
    }
  }
  table.Print(out, "no services");
}

}  // namespace

void AddServiceNoun(CLI::App& app, Chosen& chosen) {
  CLI::App& noun = AddNoun(app, "service", "Services of the cluster, as the switch serves them");
  const auto all = std::make_shared<api::ListRequest>();
  CLI::App& list =
      AddVerb(noun, "list", "Shows all services, or one; their backends with -o json", chosen,
              Ask<api::ListRequest, api::ListServicesReply>(all, &Api::ListServices, ShowList));
  AddText(list, "NAME", "", "the only one to show, NAMESPACE/NAME:PORT",
          [=](const std::string& name) { all->set_name(name); });
}

}  // namespace pollux::ctl
