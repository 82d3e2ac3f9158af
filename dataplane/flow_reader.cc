#include "dataplane/flow_reader.h"

#include <algorithm>

#include "dataplane/tables/connection_timeouts.h"

namespace pollux {
namespace {

using tables::Connection;

constexpr std::uint32_t kSlotsAtATime = 4096;

template <typename Holds>
bool OfAnyTuple(const net::FlowTuple& original, const net::FlowTuple& translated, Holds&& holds) {
  return holds(original.source, original.source_port) ||
         holds(original.destination, original.destination_port) ||
         holds(translated.source, translated.source_port) ||
         holds(translated.destination, translated.destination_port);
}

bool Matches(const FlowQuery& query, const Connection& connection) {
  const net::FlowTuple original = KeyOf(connection, /*reply=*/false);
  const net::FlowTuple translated = TranslatedOf(connection, /*reply=*/false);
  if (query.protocol && *query.protocol != original.protocol) {
    return false;
  }
  if (query.port != net::kNoPort && query.port != connection.original.ingress &&
      query.port != connection.reply.ingress) {
    return false;
  }
  if (query.host && !OfAnyTuple(original, translated, [&](const auto& ip, net::Be16) {
        return ip.is_v6() == query.host->address().is_v6() && query.host->Contains(ip);
      })) {
    return false;
  }
  return !query.l4_port || OfAnyTuple(original, translated, [&](const auto&, net::Be16 port) {
    return port.value() == *query.l4_port;
  });
}

FlowInfo::Counts CountsOf(const tables::Direction& direction, const tables::ColdDirection& cold) {
  return {direction.packets.value() + cold.foreign_packets.load(std::memory_order_relaxed),
          direction.bytes.value() + cold.foreign_bytes.load(std::memory_order_relaxed)};
}

std::uint32_t IdleMs(const Connection& connection, tables::Ticks now) {
  const auto silent = [now](const tables::Direction& direction) {
    return static_cast<std::int32_t>(now - direction.last_seen.load(std::memory_order_relaxed));
  };
  const std::int32_t ticks =
      std::max(0, std::min(silent(connection.original), silent(connection.reply)));
  return static_cast<std::uint32_t>((static_cast<std::uint64_t>(ticks) << 20) / 1'000'000);
}

std::string StateOf(const Connection& connection) {
  if (connection.original.protocol == net::IpProtocol::kTcp) {
    return std::string(tables::Name(tables::TcpStateOf(connection)));
  }
  if (connection.original.protocol == net::IpProtocol::kSctp) {
    return std::string(tables::Name(tables::SctpStateOf(connection)));
  }
  return tables::Answered(connection) ? "answered" : "unanswered";
}

FlowInfo InfoOf(const Connection& connection, tables::Ticks now) {
  return {.original = KeyOf(connection, /*reply=*/false),
          .translated = TranslatedOf(connection, /*reply=*/false),
          .ingress = connection.original.ingress,
          .egress = connection.reply.ingress,
          .state = StateOf(connection),
          .idle_ms = IdleMs(connection, now),
          .sent = CountsOf(connection.original, connection.cold_original),
          .answered = CountsOf(connection.reply, connection.cold_reply)};
}

}  // namespace

FlowReader::FlowReader(tables::ConnectionTable& table, core::Rcu& rcu, net::WorkerId reader)
    : table_(table), rcu_(rcu), reader_(reader) {
  rcu_.Register(reader_);
}

FlowReader::~FlowReader() { rcu_.Unregister(reader_); }

template <typename Visit>
void FlowReader::ForEachMatching(const FlowQuery& query, Visit&& visit) {
  const std::lock_guard lock(mutex_);
  for (std::uint32_t first = 0; first < table_.high_water(); first += kSlotsAtATime) {
    rcu_.Online(reader_);
    table_.ForEach(first, first + kSlotsAtATime, [&](Connection& connection) {
      if (Matches(query, connection)) {
        visit(connection);
      }
    });
    rcu_.Offline(reader_);
  }
}

FlowList FlowReader::List(const FlowQuery& query, std::size_t limit, net::Nanos now) {
  FlowList list;
  ForEachMatching(query, [&](const Connection& connection) {
    if (list.flows.size() < limit) {
      list.flows.push_back(InfoOf(connection, tables::TicksOf(now)));
    }
    ++list.matching;
  });
  return list;
}

std::uint64_t FlowReader::Flush(const FlowQuery& query) {
  std::uint64_t flushed = 0;
  ForEachMatching(query, [&](Connection& connection) {
    table_.Remove(connection);
    ++flushed;
  });
  return flushed;
}

}  // namespace pollux
