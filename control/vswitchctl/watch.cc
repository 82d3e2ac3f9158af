// vswitchctl watch: changes of the configuration while they happen.
#include "control/vswitchctl/changes.h"
#include "control/vswitchctl/commands.h"

namespace pollux::ctl {
namespace {

void Show(const api::WatchReply& reply, std::ostream& out) {
  for (const api::Change& change : reply.items()) {
    out << "revision " << reply.revision() << ": " << Describe(change) << '\n';
  }
  if (reply.items().empty()) {
    out << "revision " << reply.revision() << ": nothing is configured\n";
  }
}

}  // namespace

void AddWatchNoun(CLI::App& app, Chosen& chosen) {
  const auto request = std::make_shared<api::WatchRequest>();
  AddVerb(
      app, "watch",
      "Shows changes of the configuration while they happen\n"
      "First everything that is configured, then every change when the workers have it. Ends when "
      "interrupted.",
      chosen, Follow<api::WatchRequest, api::WatchReply>(request, &Api::Watch, Show));
}

}  // namespace pollux::ctl
