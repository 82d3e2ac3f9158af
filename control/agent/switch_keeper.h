// Keeps the switch equal to what it should have, as far as the agent owns it.
//
// What was taken over last is remembered, so a change costs a message of what is different. After
// anything that puts that in doubt (the start, an error, another vswitchd) the whole state is sent:
// a mark-and-sweep that changes nothing where nothing differs.
// Threading: one thread.
#pragma once

#include <absl/status/status.h>

#include <cstdint>
#include <optional>

#include "control/agent/switch_client.h"
#include "control/state/state.h"

namespace pollux::agent {

class SwitchKeeper {
 public:
  explicit SwitchKeeper(SwitchClient& client) : client_(client) {}

  // Objects of `desired` are the agent's. When it returns OK the workers have it.
  absl::Status Bring(control::State desired);
  // Whether the switch still is who took the state over; if not, the next Bring() sends it whole.
  absl::Status Check();

  // Of the switch when it last had all; 0: never.
  [[nodiscard]] std::uint64_t revision() const { return revision_; }

 private:
  absl::Status Remember(const absl::StatusOr<api::ApplyReply>& reply, control::State desired);

  SwitchClient& client_;
  std::optional<control::State> taken_;  // none: not known
  std::optional<std::uint32_t> process_;
  std::uint64_t revision_ = 0;
};

}  // namespace pollux::agent
