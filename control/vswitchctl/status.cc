// vswitchctl status: is it well, and what does each worker do?
#include "control/vswitchctl/commands.h"
#include "control/vswitchctl/units.h"
#include "control/vswitchctl/workers.h"

namespace pollux::ctl {
namespace {

struct StatusFlags {
  std::optional<std::chrono::milliseconds> wait;
  std::optional<std::chrono::milliseconds> interval;
};

void Show(const api::GetStatusReply& reply, bool with_rates, std::ostream& out) {
  for (const api::SwitchStatus& status : reply.items()) {
    out << "vswitchd " << status.version() << ", process " << status.pid() << ", up for "
        << FormatSeconds(status.uptime_seconds()) << ", revision " << reply.revision() << '\n'
        << status.ports() << " ports, " << status.endpoints() << " endpoints, " << status.routes()
        << " routes; gateway " << status.gateway_mac() << "; forwarded "
        << FormatSeconds(status.seconds_to_forwarding()) << " after its start\n\n";
    PrintWorkers(status.workers(), with_rates, out);
    out << (status.problems().empty() ? "\nno problems\n" : "\nproblems:\n");
    for (const api::Problem& problem : status.problems()) {
      out << "  " << problem.object() << ": " << problem.text() << '\n';
    }
  }
}

// Workers with what they did over an interval: GetStatus alone has sums since the start.
absl::Status MeasureWorkers(Api& api, std::chrono::milliseconds interval, Workers* workers) {
  api::StatsRequest request;
  request.set_interval_ms(static_cast<std::uint32_t>(interval.count()));
  return api.Stats(request, [&](const api::StatsReply& stats) {
    *workers = stats.workers();
    return false;
  });
}

absl::Status Run(Session& session, const StatusFlags& flags) {
  constexpr std::chrono::milliseconds kForPeople{200};
  if (flags.wait) {
    if (const absl::Status status = session.api.WaitUntilServing(*flags.wait); !status.ok()) {
      return status;
    }
  }
  absl::StatusOr<api::GetStatusReply> reply = session.api.GetStatus({});
  if (!reply.ok()) {
    return reply.status();
  }
  const auto interval = flags.interval.value_or(
      session.output.for_people() ? kForPeople : std::chrono::milliseconds::zero());
  if (interval.count() != 0 && !reply->items().empty()) {
    const absl::Status status =
        MeasureWorkers(session.api, interval, reply->mutable_items(0)->mutable_workers());
    if (!status.ok()) {
      return status;
    }
  }
  session.output.Print(*reply,
                       [&](std::ostream& out) { Show(*reply, interval.count() != 0, out); });
  return absl::OkStatus();
}

}  // namespace

void AddStatusNoun(CLI::App& app, Chosen& chosen) {
  const auto flags = std::make_shared<StatusFlags>();
  CLI::App& status =
      AddVerb(app, "status", "Tells whether the switch is well and what each worker does", chosen,
              [flags](Session& session) { return Run(session, *flags); });
  AddDuration(status, "--wait", "waits at most so long for vswitchd to be ready (default: not)",
              [flags](std::chrono::milliseconds wait) { flags->wait = wait; });
  AddDuration(status, "--interval",
              "measures what workers do over so long, at least 100ms, or 0s: not at all "
              "(default: 200ms, with -o json and yaml 0s)",
              [flags](std::chrono::milliseconds interval) { flags->interval = interval; });
}

}  // namespace pollux::ctl
