#include "control/vswitchctl/trace_text.h"

#include <absl/strings/str_cat.h>
#include <absl/strings/str_format.h>

#include <algorithm>
#include <map>

#include "control/vswitchctl/units.h"

namespace pollux::ctl {
namespace {

using Key = std::pair<std::uint32_t, std::uint64_t>;

Key KeyOf(const api::Observation& observation) {
  return {observation.worker(), observation.packet()};
}

std::string Verdict(const api::Observation& observation) {
  return observation.reason().empty()
             ? observation.verdict()
             : absl::StrCat(observation.verdict(), " (", observation.reason(), ")");
}

void PrintPacket(const api::Observation& observation, std::ostream& out) {
  out << FormatTimeOfDay(observation.nanos()) << " worker " << observation.worker() << " packet "
      << observation.packet() << " from "
      << (observation.ingress().empty() ? "the switch" : observation.ingress()) << ", "
      << observation.frame_length() << " bytes\n";
}

void PrintStep(const api::Observation& observation, std::ostream& out) {
  const std::string to =
      observation.egress().empty() ? "" : absl::StrCat("to ", observation.egress(), ": ");
  out << absl::StrFormat("    %-12s  %-24s  %s%s\n", observation.step(), Verdict(observation), to,
                         observation.summary());
}

}  // namespace

std::vector<const api::Observation*> GroupByPacket(const Observations& observations) {
  std::map<Key, std::size_t> first;  // index of each packet's first observation
  std::vector<std::pair<std::size_t, const api::Observation*>> placed;
  for (const api::Observation& observation : observations) {
    const std::size_t place = first.try_emplace(KeyOf(observation), first.size()).first->second;
    placed.emplace_back(place, &observation);
  }
  std::stable_sort(placed.begin(), placed.end(),
                   [](const auto& a, const auto& b) { return a.first < b.first; });
  std::vector<const api::Observation*> grouped;
  for (const auto& [place, observation] : placed) {
    grouped.push_back(observation);
  }
  return grouped;
}

void TraceText::Print(const Observations& observations, std::ostream& out) {
  for (const api::Observation* observation : GroupByPacket(observations)) {
    if (!any_ || KeyOf(*observation) != last_) {
      PrintPacket(*observation, out);
    }
    PrintStep(*observation, out);
    last_ = KeyOf(*observation);
    any_ = true;
  }
}

}  // namespace pollux::ctl
