// vswitchctl drops: where packets end.
#include <absl/strings/str_cat.h>

#include <algorithm>

#include "control/vswitchctl/commands.h"
#include "control/vswitchctl/table.h"
#include "control/vswitchctl/units.h"

namespace pollux::ctl {
namespace {

Table Rows(const api::DropsReply& reply, bool with_rates) {
  std::vector<Column> columns = {{"PORT"}, {"REASON"}, {"STEP"}, {"SEVERITY"}, Number("PACKETS")};
  if (with_rates) {
    columns.push_back(Number("RATE"));
  }
  columns.push_back({"WHAT HAPPENED"});
  Table table(columns);
  for (const api::Drop& drop : reply.items()) {
    std::vector<std::string> cells = {drop.port(), drop.reason(), drop.step(), drop.severity(),
                                      absl::StrCat(drop.packets())};
    if (with_rates) {
      cells.push_back(WithPrefix(drop.packets_per_second(), "pkt/s"));
    }
    cells.push_back(drop.text());
    table.Add(std::move(cells));
  }
  return table;
}

void ShowOnce(const api::DropsReply& reply, std::ostream& out) {
  Rows(reply, false).Print(out, "no drops");
}

void ShowNext(const api::DropsReply& reply, std::ostream& out) {
  Rows(reply, true).Print(out, "no drops");
  out << '\n';
}

absl::Status Run(Session& session, const api::DropsRequest& request) {
  return session.api.Drops(request, [&](const api::DropsReply& reply) {
    if (request.interval_ms() == 0) {
      session.output.Print(reply, [&](std::ostream& out) { ShowOnce(reply, out); });
      return true;
    }
    return session.output.PrintNext(reply, [&](std::ostream& out) { ShowNext(reply, out); });
  });
}

}  // namespace

void AddDropsNoun(CLI::App& app, Chosen& chosen) {
  const auto request = std::make_shared<api::DropsRequest>();
  CLI::App& drops = AddVerb(app, "drops",
                            "Shows where packets end, by port and reason\nReasons are explained in "
                            "docs/drops.md. Counted since each port was added.",
                            chosen, [request](Session& session) { return Run(session, *request); });
  AddText(drops, "--port", "NAME", "only this port",
          [=](const std::string& port) { request->set_port(port); });
  AddSwitch(drops, "--all", "reasons that never occurred as well", [=] { request->set_all(true); });
  AddWatch(drops, [=](std::uint32_t interval) { request->set_interval_ms(interval); });
}

}  // namespace pollux::ctl
