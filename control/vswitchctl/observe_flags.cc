#include "control/vswitchctl/observe_flags.h"

namespace pollux::ctl {
namespace {

// "send" and "drop_answer" are followed by the step that sends the answer.
bool EndsJourney(const api::Observation& observation) {
  return observation.step() == "send" || observation.verdict() == "drop" ||
         observation.verdict() == "consumed";
}

}  // namespace

void AddObserveFlags(CLI::App& verb, const std::shared_ptr<ObserveFlags>& flags) {
  api::ObservationFilter* filter = flags->request.mutable_filter();  // `flags` keeps it
  using Text = const std::string&;
  AddText(verb, "--port", "NAME", "received from this port or, where that is decided, sent to it",
          [=](Text port) { filter->set_port(port); });
  AddText(verb, "--source", "PREFIX", "of the source address; an address alone is a host",
          [=](Text prefix) { filter->set_source(prefix); });
  AddText(verb, "--destination", "PREFIX", "of the destination address",
          [=](Text prefix) { filter->set_destination(prefix); });
  AddText(verb, "--host", "PREFIX", "of either address",
          [=](Text prefix) { filter->set_host(prefix); });
  AddText(verb, "--protocol", "NAME|N", "tcp, udp, icmp, icmpv6, sctp, or a number of IANA's",
          [=](Text protocol) { filter->set_protocol(protocol); });
  AddNumber(verb, "--l4-port", "source or destination port of TCP, UDP or SCTP",
            [=](std::uint32_t port) { filter->set_l4_port(port); });
  AddSwitch(verb, "--drops", "only packets that are dropped", [=] { filter->set_drops(true); });
  AddText(verb, "--reason", "NAME", "only packets that are dropped for this reason (docs/drops.md)",
          [=](Text reason) {
            filter->set_drops(true);
            filter->set_reason(reason);
          });
  AddTexts(verb, "--step", "NAME",
           "only after this step: receive, parse, find_connection, source_guard, track, answer, "
           "route, connect, follow, forward, send; repeat for more (default: all)",
           [=](Text step) { filter->add_step(step); });
  AddNumber(verb, "--count", "ends after so many packets (default: when interrupted)",
            [=](std::uint32_t count) { flags->count = count; });
}

api::ObservationBatch PacketLimit::Trim(const api::ObservationBatch& batch) {
  if (!count_) {
    return batch;
  }
  api::ObservationBatch kept;
  kept.set_missed(batch.missed());
  for (const api::Observation& observation : batch.items()) {
    const Key key(observation.worker(), observation.packet());
    if (!packets_.contains(key) && packets_.size() == *count_) {
      continue;
    }
    *kept.add_items() = observation;
    packets_.insert(key);
    if (only_some_steps_ || EndsJourney(observation)) {
      open_.erase(key);
    } else {
      open_.insert(key);
    }
  }
  return kept;
}

}  // namespace pollux::ctl
