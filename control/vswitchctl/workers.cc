#include "control/vswitchctl/workers.h"

#include <absl/strings/str_cat.h>
#include <absl/strings/str_format.h>
#include <absl/strings/str_join.h>

#include "control/vswitchctl/table.h"
#include "control/vswitchctl/units.h"

namespace pollux::ctl {

void PrintWorkers(const Workers& workers, bool with_rates, std::ostream& out) {
  Table table({Number("WORKER"),
               Number("CORE"),
               {"STATE"},
               Number("BUSY"),
               Number("RATE"),
               Number("CYCLES/PACKET"),
               Number("LONGEST GAP"),
               Number("PACKETS"),
               Number("SLEEPS"),
               {"POLLED PORTS"}});
  for (const api::Worker& worker : workers) {
    const auto rate = [&](std::string text) { return with_rates ? std::move(text) : ""; };
    table.Add(
        {absl::StrCat(worker.index()), absl::StrCat(worker.core()),
         worker.asleep() ? "asleep" : "awake", rate(FormatShare(worker.busy())),
         rate(WithPrefix(worker.packets_per_second(), "pkt/s")),
         worker.cycles_per_packet() == 0 ? "" : absl::StrFormat("%.0f", worker.cycles_per_packet()),
         FormatNanos(worker.longest_gap_ns()), absl::StrCat(worker.packets()),
         absl::StrCat(worker.sleeps()), absl::StrJoin(worker.polled_ports(), ",")});
  }
  table.Print(out, "no workers");
}

}  // namespace pollux::ctl
