// How long a connection may be silent before it is forgotten.
//
// Defaults are those of Linux's nf_conntrack, but for established and half closed TCP, where
// kube-proxy's day and hour are used (--conntrack-tcp-timeout-established, -close-wait), and for
// TIME-WAIT, which both ends keep themselves.
// Threading: plain values.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "dataplane/net/headers.h"
#include "dataplane/tables/connection.h"
#include "dataplane/tables/sctp_side.h"
#include "dataplane/tables/tcp_side.h"

namespace pollux::tables {

inline constexpr std::uint32_t kMaxTimeoutSeconds = 20 * 86400;

// In seconds, from 1 to kMaxTimeoutSeconds.
struct ConnectionTimeouts {
  std::uint32_t tcp_opening = 60;  // until the handshake is done
  std::uint32_t tcp_established = 86400;
  std::uint32_t tcp_half_closed = 3600;  // one FIN, acknowledged
  std::uint32_t tcp_closing = 120;       // a FIN that is not acknowledged
  std::uint32_t tcp_closed = 10;         // both FINs acknowledged, or reset
  std::uint32_t sctp_heartbeat_sent = 30;
  std::uint32_t sctp_cookie_wait = 3;
  std::uint32_t sctp_cookie_echoed = 3;
  std::uint32_t sctp_established = 210;
  std::uint32_t sctp_shutdown = 3;  // a SHUTDOWN, acknowledged or not
  std::uint32_t sctp_closed = 10;
  std::uint32_t udp_unanswered = 30;
  std::uint32_t udp_answered = 120;
  std::uint32_t icmp = 30;
  std::uint32_t other = 600;
};

// By the names of --flow-timeouts.
struct NamedTimeout {
  std::string_view name;
  std::uint32_t ConnectionTimeouts::*seconds;
};
std::span<const NamedTimeout> NamedTimeouts();

TcpState TcpStateOf(const Connection& connection);
SctpState SctpStateOf(const Connection& connection);
// Whether a packet came back.
bool Answered(const Connection& connection);

// How long an association in that state may be silent.
std::uint32_t SecondsOf(SctpState state, const ConnectionTimeouts& timeouts);

// Whether the connection has been silent for too long at `now`.
bool IsOver(const Connection& connection, const ConnectionTimeouts& timeouts, Ticks now);

}  // namespace pollux::tables
