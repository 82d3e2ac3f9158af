#include "dataplane/tables/connection_timeouts.h"

#include <cstdint>

namespace pollux::tables {
namespace {

std::uint32_t SecondsOf(TcpState state, const ConnectionTimeouts& timeouts) {
  switch (state) {
    case TcpState::kNone:
    case TcpState::kSynSent:
    case TcpState::kSynReceived:
      return timeouts.tcp_opening;
    case TcpState::kEstablished:
      return timeouts.tcp_established;
    case TcpState::kCloseWait:
      return timeouts.tcp_half_closed;
    case TcpState::kFinWait:
    case TcpState::kLastAck:
      return timeouts.tcp_closing;
    case TcpState::kTimeWait:
    case TcpState::kClosed:
      break;
  }
  return timeouts.tcp_closed;
}

std::uint32_t SecondsOf(const Connection& connection, const ConnectionTimeouts& timeouts) {
  switch (connection.original.protocol) {
    case net::IpProtocol::kTcp:
      return SecondsOf(TcpStateOf(connection), timeouts);
    case net::IpProtocol::kSctp:
      return tables::SecondsOf(SctpStateOf(connection), timeouts);
    case net::IpProtocol::kUdp:
      return Answered(connection) ? timeouts.udp_answered : timeouts.udp_unanswered;
    case net::IpProtocol::kIcmp:
    case net::IpProtocol::kIcmpv6:
      return timeouts.icmp;
    default:
      return timeouts.other;
  }
}

}  // namespace

std::uint32_t SecondsOf(SctpState state, const ConnectionTimeouts& timeouts) {
  switch (state) {
    case SctpState::kHeartbeatSent:
      return timeouts.sctp_heartbeat_sent;
    case SctpState::kCookieWait:
      return timeouts.sctp_cookie_wait;
    case SctpState::kCookieEchoed:
      return timeouts.sctp_cookie_echoed;
    case SctpState::kEstablished:
      return timeouts.sctp_established;
    case SctpState::kShutdownSent:
    case SctpState::kShutdownAckSent:
      return timeouts.sctp_shutdown;
    case SctpState::kNone:
    case SctpState::kClosed:
      break;
  }
  return timeouts.sctp_closed;
}

TcpState TcpStateOf(const Connection& connection) {
  return StateOf(connection.cold_original.side.Load<TcpSide>(),
                 connection.cold_reply.side.Load<TcpSide>());
}

SctpState SctpStateOf(const Connection& connection) {
  return StateOf(connection.cold_original.side.Load<SctpSide>(),
                 connection.cold_reply.side.Load<SctpSide>());
}

bool Answered(const Connection& connection) {
  return connection.reply.worker.load(std::memory_order_relaxed) != Direction::kNobody;
}

bool IsOver(const Connection& connection, const ConnectionTimeouts& timeouts, Ticks now) {
  const auto silent = [now](const Direction& direction) {
    return now - direction.last_seen.load(std::memory_order_relaxed);
  };
  // A packet that came since `now` was read makes a difference below zero: not silent at all.
  const auto limit = static_cast<std::int32_t>(TicksOfSeconds(SecondsOf(connection, timeouts)));
  return static_cast<std::int32_t>(silent(connection.original)) > limit &&
         static_cast<std::int32_t>(silent(connection.reply)) > limit;
}

std::span<const NamedTimeout> NamedTimeouts() {
  static constexpr NamedTimeout kAll[] = {
      {"tcp-opening", &ConnectionTimeouts::tcp_opening},
      {"tcp-established", &ConnectionTimeouts::tcp_established},
      {"tcp-half-closed", &ConnectionTimeouts::tcp_half_closed},
      {"tcp-closing", &ConnectionTimeouts::tcp_closing},
      {"tcp-closed", &ConnectionTimeouts::tcp_closed},
      {"sctp-heartbeat-sent", &ConnectionTimeouts::sctp_heartbeat_sent},
      {"sctp-cookie-wait", &ConnectionTimeouts::sctp_cookie_wait},
      {"sctp-cookie-echoed", &ConnectionTimeouts::sctp_cookie_echoed},
      {"sctp-established", &ConnectionTimeouts::sctp_established},
      {"sctp-shutdown", &ConnectionTimeouts::sctp_shutdown},
      {"sctp-closed", &ConnectionTimeouts::sctp_closed},
      {"udp-unanswered", &ConnectionTimeouts::udp_unanswered},
      {"udp-answered", &ConnectionTimeouts::udp_answered},
      {"icmp", &ConnectionTimeouts::icmp},
      {"other", &ConnectionTimeouts::other},
  };
  return kAll;
}

}  // namespace pollux::tables
