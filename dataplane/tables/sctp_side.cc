#include "dataplane/tables/sctp_side.h"

namespace pollux::tables {

SctpState StateOf(const SctpSide& original, const SctpSide& reply) {
  const SctpSide both{.flags = original.flags | reply.flags};
  if (both.Has(SctpSide::kAbort | SctpSide::kShutdownComplete)) {
    return SctpState::kClosed;
  }
  if (both.Has(SctpSide::kShutdownAck)) {
    return SctpState::kShutdownAckSent;
  }
  if (both.Has(SctpSide::kShutdown)) {
    return SctpState::kShutdownSent;
  }
  if (both.Has(SctpSide::kCookieAck | SctpSide::kHeartbeatAck | SctpSide::kPickedUp)) {
    return SctpState::kEstablished;
  }
  if (both.Has(SctpSide::kCookieEcho)) {
    return SctpState::kCookieEchoed;
  }
  if (both.Has(SctpSide::kInit)) {
    return SctpState::kCookieWait;
  }
  return both.Has(SctpSide::kHeartbeat) ? SctpState::kHeartbeatSent : SctpState::kNone;
}

std::string_view Name(SctpState state) {
  switch (state) {
    case SctpState::kNone:
      return "none";
    case SctpState::kHeartbeatSent:
      return "heartbeat_sent";
    case SctpState::kCookieWait:
      return "cookie_wait";
    case SctpState::kCookieEchoed:
      return "cookie_echoed";
    case SctpState::kEstablished:
      return "established";
    case SctpState::kShutdownSent:
      return "shutdown_sent";
    case SctpState::kShutdownAckSent:
      return "shutdown_ack_sent";
    case SctpState::kClosed:
      return "closed";
  }
  return "unknown";
}

}  // namespace pollux::tables
