#include "control/rpc/counters.h"

#include <x86intrin.h>

#include <numeric>

#include "control/rpc/replies.h"
#include "control/state/field_error.h"

namespace pollux::control {
namespace {

using Seconds = std::chrono::duration<double>;

std::uint64_t Sum(const PortTotals& totals) {
  return std::accumulate(totals.drops.begin(), totals.drops.end(), std::uint64_t{0});
}

std::uint64_t Growth(std::uint64_t before, std::uint64_t now) {
  return now < before ? now : now - before;
}

// Differences between two samples per second; everything is 0 without a first one.
class Rates {
 public:
  Rates(const CounterSample* before, const CounterSample& now)
      : seconds_(before == nullptr ? 0 : Seconds(now.time - before->time).count()) {}

  [[nodiscard]] double operator()(std::uint64_t before, std::uint64_t now) const {
    return seconds_ > 0 ? static_cast<double>(Growth(before, now)) / seconds_ : 0;
  }

 private:
  const double seconds_;
};

// The port's totals in the first sample; nothing if it was not there.
PortTotals Before(const CounterSample* before, const std::string& port) {
  if (before == nullptr) {
    return {};
  }
  const auto at = before->ports.find(port);
  return at == before->ports.end() ? PortTotals{} : at->second;
}

void FillPort(const PortTotals& before, const PortTotals& now, const Rates& rate,
              api::PortStats* stats) {
  constexpr double kBitsPerByte = 8;
  stats->set_rx_packets(now.rx_packets);
  stats->set_rx_bytes(now.rx_bytes);
  stats->set_tx_packets(now.tx_packets);
  stats->set_tx_bytes(now.tx_bytes);
  stats->set_answered(now.answered);
  stats->set_generated(now.generated);
  stats->set_audited(now.audited);
  stats->set_drops(Sum(now));
  stats->set_rx_cycles(now.rx_cycles);
  stats->set_rx_packets_per_second(rate(before.rx_packets, now.rx_packets));
  stats->set_tx_packets_per_second(rate(before.tx_packets, now.tx_packets));
  stats->set_rx_bits_per_second(kBitsPerByte * rate(before.rx_bytes, now.rx_bytes));
  stats->set_tx_bits_per_second(kBitsPerByte * rate(before.tx_bytes, now.tx_bytes));
  stats->set_drops_per_second(rate(Sum(before), Sum(now)));
}

void FillWorkerRates(const WorkerInfo& before, const WorkerInfo& now, std::uint64_t cycles,
                     const Rates& rate, api::Worker* worker) {
  const auto busy = static_cast<double>(Growth(before.busy_cycles, now.busy_cycles));
  const auto packets = static_cast<double>(Growth(before.packets, now.packets));
  worker->set_packets_per_second(rate(before.packets, now.packets));
  worker->set_busy(cycles == 0 ? 0 : busy / static_cast<double>(cycles));
  worker->set_cycles_per_packet(packets == 0 ? 0 : busy / packets);
}

std::string_view SeverityName(core::DropSeverity severity) {
  switch (severity) {
    case core::DropSeverity::kNormal:
      return "normal";
    case core::DropSeverity::kWarning:
      return "warning";
    case core::DropSeverity::kSecurity:
      return "security";
  }
  return "unknown";
}

void FillDrop(const std::string& port, core::DropReason reason, std::uint64_t packets,
              api::Drop* drop) {
  const core::DropReasonRow& row = core::Describe(reason);
  drop->set_port(port);
  drop->set_reason(std::string(row.name));
  drop->set_step(std::string(row.step));
  drop->set_severity(std::string(SeverityName(row.severity)));
  drop->set_text(std::string(row.text));
  drop->set_packets(packets);
}

}  // namespace

absl::StatusOr<CounterSample> TakeSample(const std::string& port, const Snapshot& snapshot,
                                         const Switch& packet_side) {
  if (!port.empty() && !snapshot.desired.ports.contains(port)) {
    return absl::NotFoundError("there is no port " + Quoted(port));
  }
  CounterSample sample{.revision = snapshot.revision,
                       .time = std::chrono::steady_clock::now(),
                       .tsc = __rdtsc(),
                       .ports = {},
                       .workers = packet_side.Workers()};
  for (const auto& [name, id] : snapshot.installed.ids) {
    const std::optional<PortTotals> totals =
        port.empty() || port == name ? packet_side.Totals(id) : std::nullopt;
    if (totals) {
      sample.ports.emplace(name, *totals);
    }
  }
  return sample;
}

void FillStats(const CounterSample* before, const CounterSample& now, api::StatsReply* reply) {
  const Rates rate(before, now);
  reply->set_revision(now.revision.value());
  for (const auto& [name, totals] : now.ports) {
    api::PortStats* stats = reply->add_items();
    stats->set_port(name);
    FillPort(Before(before, name), totals, rate, stats);
  }
  for (std::uint32_t i = 0; i < now.workers.size(); ++i) {
    api::Worker* worker = reply->add_workers();
    ToProto(now.workers[i], i, worker);
    if (before != nullptr && i < before->workers.size()) {
      FillWorkerRates(before->workers[i], now.workers[i], now.tsc - before->tsc, rate, worker);
    }
  }
}

void FillDrops(const CounterSample* before, const CounterSample& now, bool all,
               api::DropsReply* reply) {
  const Rates rate(before, now);
  reply->set_revision(now.revision.value());
  for (const auto& [name, totals] : now.ports) {
    const PortTotals earlier = Before(before, name);
    for (unsigned i = 1; i < core::kDropReasonCount; ++i) {
      if (totals.drops[i] != 0 || all) {
        api::Drop* drop = reply->add_items();
        FillDrop(name, static_cast<core::DropReason>(i), totals.drops[i], drop);
        drop->set_packets_per_second(rate(earlier.drops[i], totals.drops[i]));
      }
    }
  }
}

}  // namespace pollux::control
