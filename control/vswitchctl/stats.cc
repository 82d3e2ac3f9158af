// vswitchctl stats: how much passes.
#include <absl/strings/str_cat.h>

#include "control/vswitchctl/commands.h"
#include "control/vswitchctl/table.h"
#include "control/vswitchctl/units.h"
#include "control/vswitchctl/workers.h"

namespace pollux::ctl {
namespace {

void ShowOnce(const api::StatsReply& reply, std::ostream& out) {
  Table table({{"PORT"},
               Number("RX PACKETS"),
               Number("RX BYTES"),
               Number("TX PACKETS"),
               Number("TX BYTES"),
               Number("ANSWERED"),
               Number("GENERATED"),
               Number("DROPS")});
  for (const api::PortStats& port : reply.items()) {
    table.Add({port.port(), absl::StrCat(port.rx_packets()), absl::StrCat(port.rx_bytes()),
               absl::StrCat(port.tx_packets()), absl::StrCat(port.tx_bytes()),
               absl::StrCat(port.answered()), absl::StrCat(port.generated()),
               absl::StrCat(port.drops())});
  }
  table.Print(out, "no ports");
}

void ShowNext(const api::StatsReply& reply, std::ostream& out) {
  Table table({{"PORT"},
               Number("RX"),
               Number("RX BITS"),
               Number("TX"),
               Number("TX BITS"),
               Number("DROPS"),
               Number("RX PACKETS"),
               Number("TX PACKETS"),
               Number("ALL DROPS")});
  for (const api::PortStats& port : reply.items()) {
    table.Add({port.port(), WithPrefix(port.rx_packets_per_second(), "pkt/s"),
               WithPrefix(port.rx_bits_per_second(), "bit/s"),
               WithPrefix(port.tx_packets_per_second(), "pkt/s"),
               WithPrefix(port.tx_bits_per_second(), "bit/s"),
               WithPrefix(port.drops_per_second(), "pkt/s"), absl::StrCat(port.rx_packets()),
               absl::StrCat(port.tx_packets()), absl::StrCat(port.drops())});
  }
  table.Print(out, "no ports");
  out << '\n';
  PrintWorkers(reply.workers(), true, out);
  out << '\n';
}

absl::Status Run(Session& session, const api::StatsRequest& request) {
  return session.api.Stats(request, [&](const api::StatsReply& reply) {
    if (request.interval_ms() == 0) {
      session.output.Print(reply, [&](std::ostream& out) { ShowOnce(reply, out); });
      return true;
    }
    return session.output.PrintNext(reply, [&](std::ostream& out) { ShowNext(reply, out); });
  });
}

}  // namespace

void AddStatsNoun(CLI::App& app, Chosen& chosen) {
  const auto request = std::make_shared<api::StatsRequest>();
  CLI::App& stats = AddVerb(app, "stats",
                            "Shows how much passes\nPackets and bytes since each port was added; "
                            "with --watch also rates and the workers.",
                            chosen, [request](Session& session) { return Run(session, *request); });
  AddText(stats, "--port", "NAME", "only this port",
          [=](const std::string& port) { request->set_port(port); });
  AddWatch(stats, [=](std::uint32_t interval) { request->set_interval_ms(interval); });
}

}  // namespace pollux::ctl
