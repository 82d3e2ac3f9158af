// Two ports against each other: what one sends, the other sinks.
//
// One thread does both ends of both directions, so the time stamps come from one clock and the
// other core is left to the switch. A run is a sequence of phases (warm-up, measurement); a phase
// ends with a drain, so that what was sent in it either arrived in it or was lost.
// Threading: one thread; RequestStop() from a signal handler.
#pragma once

#include <absl/status/statusor.h>

#include <array>
#include <csignal>
#include <cstdint>
#include <memory>
#include <string>

#include "perf/pktgen/port.h"
#include "perf/pktgen/sink.h"

#include <nlohmann/json.hpp>

namespace pollux::pktgen {

struct GeneratorSpec {
  std::array<PortSpec, 2> ports;
  std::array<double, 2> packets_per_second{};  // by sending port; 0: as fast as possible
  std::array<bool, 2> sends{true, true};
};

class Generator {
 public:
  static absl::StatusOr<std::unique_ptr<Generator>> Open(GeneratorSpec spec);

  // DeadlineExceeded if a link stays down.
  absl::Status WaitForLinks(double seconds);

  // Sends for the given time or until stopped, then drains. The report is of this phase alone.
  nlohmann::json RunPhase(double seconds);

  static void RequestStop() { stop_ = 1; }
  static bool stopped() { return stop_ != 0; }

 private:
  // From port i to port 1 - i.
  struct Direction {
    TxCounters tx;
    SinkCounters rx;
  };

  explicit Generator(GeneratorSpec spec) : spec_(std::move(spec)) {}
  [[nodiscard]] Direction Count(unsigned from) const;
  void Receive(unsigned port);
  std::uint16_t ReceiveBurst(unsigned port);
  void Send(std::uint64_t cycles);
  void Drain();
  [[nodiscard]] nlohmann::json Report(unsigned from, const Direction& before, double seconds) const;

  static inline volatile std::sig_atomic_t stop_ = 0;

  GeneratorSpec spec_;
  std::array<std::unique_ptr<Port>, 2> ports_;
  std::array<std::unique_ptr<Sink>, 2> sinks_;  // by receiving port
};

}  // namespace pollux::pktgen
