#include "dataplane/tables/tcp_side.h"

namespace pollux::tables {
namespace {

TcpState OpeningState(const TcpSide& a, const TcpSide& b) {
  if (!a.Seen() && !b.Seen()) {
    return TcpState::kNone;
  }
  if (a.Has(TcpSide::kPickedUp) || b.Has(TcpSide::kPickedUp)) {
    return TcpState::kEstablished;
  }
  if (!a.Seen() || !b.Seen()) {
    return TcpState::kSynSent;
  }
  return a.Has(TcpSide::kAcknowledged) && b.Has(TcpSide::kAcknowledged) ? TcpState::kEstablished
                                                                        : TcpState::kSynReceived;
}

}  // namespace

TcpState StateOf(const TcpSide& original, const TcpSide& reply) {
  const auto flags = static_cast<std::uint8_t>(original.flags | reply.flags);
  if ((flags & TcpSide::kReset) != 0) {
    return TcpState::kClosed;
  }
  if ((flags & TcpSide::kFin) == 0) {
    return OpeningState(original, reply);
  }
  const bool both_sent = original.Has(TcpSide::kFin) && reply.Has(TcpSide::kFin);
  const bool both_acknowledged =
      original.Has(TcpSide::kFinAcknowledged) && reply.Has(TcpSide::kFinAcknowledged);
  if (both_sent) {
    return both_acknowledged ? TcpState::kTimeWait : TcpState::kLastAck;
  }
  return (flags & TcpSide::kFinAcknowledged) != 0 ? TcpState::kCloseWait : TcpState::kFinWait;
}

std::string_view Name(TcpState state) {
  switch (state) {
    case TcpState::kNone:
      return "none";
    case TcpState::kSynSent:
      return "syn_sent";
    case TcpState::kSynReceived:
      return "syn_received";
    case TcpState::kEstablished:
      return "established";
    case TcpState::kFinWait:
      return "fin_wait";
    case TcpState::kCloseWait:
      return "close_wait";
    case TcpState::kLastAck:
      return "last_ack";
    case TcpState::kTimeWait:
      return "time_wait";
    case TcpState::kClosed:
      return "closed";
  }
  return "unknown";
}

}  // namespace pollux::tables
