// What `trace` and `capture` have in common: the filter's flags, and how many packets are wanted.
// Threading: one thread.
#pragma once

#include <optional>
#include <set>
#include <utility>

#include "control/vswitchctl/command.h"

namespace pollux::ctl {

struct ObserveFlags {
  api::ObserveRequest request;
  std::optional<std::uint32_t> count;
};

void AddObserveFlags(CLI::App& verb, const std::shared_ptr<ObserveFlags>& flags);

// Lets observations of the first packets pass, and knows when all of those are complete.
class PacketLimit {
 public:
  explicit PacketLimit(const ObserveFlags& flags)
      : count_(flags.count),
        only_some_steps_(!flags.request.filter().step().empty() || flags.request.filter().drops()) {
  }

  // The batch without packets beyond the limit.
  api::ObservationBatch Trim(const api::ObservationBatch& batch);
  [[nodiscard]] bool reached() const {
    return count_ && packets_.size() >= *count_ && open_.empty();
  }

 private:
  using Key = std::pair<std::uint32_t, std::uint64_t>;  // worker, packet

  const std::optional<std::uint32_t> count_;
  const bool only_some_steps_;  // so that nobody knows which is the last one of a packet
  std::set<Key> packets_;       // kept while there is a limit
  std::set<Key> open_;          // those with steps to come
};

}  // namespace pollux::ctl
