#include "perf/pktgen/generator.h"

#include <rte_cycles.h>
#include <rte_prefetch.h>
#include <unistd.h>

#include <algorithm>
#include <limits>
#include <utility>

namespace pollux::pktgen {
namespace {

constexpr std::array<const char*, 2> kNames = {"a", "b"};
constexpr std::uint16_t kRxBurst = 64;
constexpr double kDrainSilenceSeconds = 0.02;

std::uint64_t CyclesOf(double seconds) {
  return static_cast<std::uint64_t>(seconds * static_cast<double>(rte_get_tsc_hz()));
}

double Ratio(double a, double b) { return b == 0 ? 0 : a / b; }

double Ratio(std::uint64_t a, std::uint64_t b) {
  return Ratio(static_cast<double>(a), static_cast<double>(b));
}

// How many packets may leave now, at a constant rate since `start`.
class Pacer {
 public:
  Pacer(double packets_per_second, std::uint64_t start, std::uint64_t sent)
      : per_cycle_(packets_per_second / static_cast<double>(rte_get_tsc_hz())),
        start_(start),
        sent_(sent) {}

  [[nodiscard]] std::uint64_t Allowed(std::uint64_t now, std::uint64_t sent) const {
    if (per_cycle_ == 0) {
      return std::numeric_limits<std::uint64_t>::max();
    }
    const auto due = static_cast<std::uint64_t>(static_cast<double>(now - start_) * per_cycle_);
    return due - std::min(due, sent - sent_);
  }

 private:
  double per_cycle_;
  std::uint64_t start_;
  std::uint64_t sent_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Generator>> Generator::Open(GeneratorSpec spec) {
  std::unique_ptr<Generator> generator(new Generator(std::move(spec)));
  for (unsigned i = 0; i < 2; ++i) {
    auto port = Port::Open(generator->spec_.ports[i]);
    if (!port.ok()) {
      return port.status();
    }
    generator->ports_[i] = *std::move(port);
    const FlowSpec& peer = generator->spec_.ports[1 - i].flows;
    generator->sinks_[i] = std::make_unique<Sink>(
        FrameLayout::Of(peer.sources.base.is_v6(), peer.protocol), peer.tag, peer.flows);
  }
  return generator;
}

absl::Status Generator::WaitForLinks(double seconds) {
  const std::uint64_t deadline = rte_get_tsc_cycles() + CyclesOf(seconds);
  while (!ports_[0]->LinkUp() || !ports_[1]->LinkUp()) {
    if (stopped() || rte_get_tsc_cycles() > deadline) {
      return absl::DeadlineExceededError("the ports' links did not come up");
    }
    usleep(10'000);
  }
  return absl::OkStatus();
}

void Generator::Receive(unsigned port) {
  // Twice what is sent per turn at most: receiving keeps up, and sending is not starved.
  for (std::uint32_t left = 2 * spec_.ports[1 - port].burst / kRxBurst + 1; left > 0; --left) {
    if (ReceiveBurst(port) < kRxBurst) {
      return;
    }
  }
}

std::uint16_t Generator::ReceiveBurst(unsigned port) {
  std::array<rte_mbuf*, kRxBurst> mbufs;
  const std::uint16_t count = ports_[port]->Receive(mbufs);
  if (count == 0) {
    return 0;
  }
  Sink& sink = *sinks_[port];
  for (unsigned i = 0; i < count; ++i) {
    rte_prefetch0(rte_pktmbuf_mtod(mbufs[i], const void*));
  }
  const auto head = [&](unsigned i) {
    return std::span<const std::uint8_t>(rte_pktmbuf_mtod(mbufs[i], const std::uint8_t*),
                                         mbufs[i]->data_len);
  };
  for (unsigned i = 0; i < count; ++i) {
    sink.Accept(head(i));
  }
  if (mbufs[0]->nb_segs == 1) {
    sink.Sample(rte_get_tsc_cycles(), head(0));
  }
  sink.CountBurst();
  rte_pktmbuf_free_bulk(mbufs.data(), count);
  return count;
}

void Generator::Send(std::uint64_t cycles) {
  const std::uint64_t start = rte_get_tsc_cycles();
  const std::array<Pacer, 2> pacers = {
      Pacer(spec_.packets_per_second[0], start, ports_[0]->counters().sent),
      Pacer(spec_.packets_per_second[1], start, ports_[1]->counters().sent)};
  for (std::uint64_t now = start; now - start < cycles && !stopped(); now = rte_get_tsc_cycles()) {
    for (unsigned i = 0; i < 2; ++i) {
      Receive(i);
      if (spec_.sends[i]) {
        ports_[i]->Transmit(now, pacers[i].Allowed(now, ports_[i]->counters().sent));
      }
    }
  }
}

void Generator::Drain() {
  const std::uint64_t silence = CyclesOf(kDrainSilenceSeconds);
  const std::uint64_t give_up = rte_get_tsc_cycles() + 50 * silence;
  const auto moved = [&] {
    return sinks_[0]->counters().bursts + sinks_[1]->counters().bursts +
           ports_[0]->counters().sent + ports_[1]->counters().sent;
  };
  std::uint64_t last_moved = moved();
  std::uint64_t last_time = rte_get_tsc_cycles();
  for (std::uint64_t now = last_time; now - last_time < silence && now < give_up;
       now = rte_get_tsc_cycles()) {
    for (unsigned i = 0; i < 2; ++i) {
      ports_[i]->Flush();
      Receive(i);
    }
    if (moved() != last_moved) {
      last_moved = moved();
      last_time = now;
    }
  }
}

Generator::Direction Generator::Count(unsigned from) const {
  return {ports_[from]->counters(), sinks_[1 - from]->counters()};
}

nlohmann::json Generator::Report(unsigned from, const Direction& before, double seconds) const {
  const Direction after = Count(from);
  const std::uint64_t sent = after.tx.sent - before.tx.sent;
  const std::uint64_t received = after.rx.received - before.rx.received;
  const std::uint64_t unique = after.rx.unique() - before.rx.unique();
  const LatencyHistogram& latency = sinks_[1 - from]->latency();
  const auto microseconds = [&](double quantile) {
    return Ratio(static_cast<double>(latency.Quantile(quantile)) * 1e6,
                 static_cast<double>(rte_get_tsc_hz()));
  };
  return {
      {"from", kNames[from]},
      {"to", kNames[1 - from]},
      {"sent", sent},
      {"received", received},
      {"lost", static_cast<std::int64_t>(sent - unique)},
      {"reordered", after.rx.reordered - before.rx.reordered},
      {"duplicates", after.rx.duplicates - before.rx.duplicates},
      {"foreign", after.rx.foreign - before.rx.foreign},
      {"bad_checksums", after.rx.bad_checksums - before.rx.bad_checksums},
      {"tx_mpps", Ratio(static_cast<double>(sent), seconds * 1e6)},
      {"rx_mpps", Ratio(static_cast<double>(received), seconds * 1e6)},
      {"tx_batch_fill", Ratio(sent, after.tx.bursts - before.tx.bursts)},
      {"rx_batch_fill", Ratio(received, after.rx.bursts - before.rx.bursts)},
      {"tx_stalls", after.tx.stalls - before.tx.stalls},
      {"latency_us",
       {{"p50", microseconds(0.5)}, {"p99", microseconds(0.99)}, {"samples", latency.count()}}}};
}

nlohmann::json Generator::RunPhase(double seconds) {
  const std::array<Direction, 2> before = {Count(0), Count(1)};
  for (auto& sink : sinks_) {
    sink->ResetLatency();
  }
  const std::uint64_t start = rte_get_tsc_cycles();
  Send(CyclesOf(seconds));
  const double took = Ratio(rte_get_tsc_cycles() - start, rte_get_tsc_hz());
  Drain();
  const auto a = Report(0, before[0], took);
  const auto b = Report(1, before[1], took);
  return {{"seconds", took},
          {"frame_bytes", ports_[0]->flows().frame_bytes()},
          {"mpps", a["rx_mpps"].get<double>() + b["rx_mpps"].get<double>()},
          {"directions", {a, b}}};
}

}  // namespace pollux::pktgen
