#include "control/observe/flows.h"

#include <limits>
#include <string>

#include "control/observe/filter_fields.h"
#include "control/observe/names.h"
#include "control/observe/port_names.h"

namespace pollux::control {
namespace {

absl::StatusOr<FlowQuery> QueryOf(const api::FlowFilter& proto, const Snapshot& snapshot) {
  FlowQuery query;
  std::uint16_t l4_port = 0;
  for (const absl::Status& status :
       {ReadPort(proto.port(), snapshot, query.port), ReadPrefix("host", proto.host(), query.host),
        ReadProtocol(proto.protocol(), query.protocol), ReadL4Port(proto.l4_port(), l4_port)}) {
    if (!status.ok()) {
      return status;
    }
  }
  if (l4_port != 0) {
    query.l4_port = l4_port;
  }
  return query;
}

void ToProto(const FlowInfo::Counts& counts, api::FlowCounts* proto) {
  proto->set_packets(counts.packets);
  proto->set_bytes(counts.bytes);
}

void ToProto(const FlowInfo& flow, const AddressNames& addresses, const PortNames& ports,
             api::Flow* proto) {
  WriteTuples(flow.original, flow.translated, addresses, proto);
  proto->set_ingress(ports.Of(flow.ingress));
  proto->set_egress(ports.Of(flow.egress));
  proto->set_state(flow.state);
  proto->set_idle_ms(flow.idle_ms);
  ToProto(flow.sent, proto->mutable_sent());
  ToProto(flow.answered, proto->mutable_answered());
}

void Write(const net::FlowTuple& tuple, const AddressNames& names, api::FlowEnds* proto) {
  proto->set_source(tuple.source.ToString());
  proto->set_destination(tuple.destination.ToString());
  proto->set_source_port(tuple.source_port.value());
  proto->set_destination_port(tuple.destination_port.value());
  proto->set_source_name(names.Of(tuple.source));
  proto->set_destination_name(names.Of(tuple.destination));
}

}  // namespace

void WriteTuples(const net::FlowTuple& original, const net::FlowTuple& translated,
                 const AddressNames& names, api::Flow* proto) {
  proto->set_protocol(ProtocolName(original.protocol));
  Write(original, names, proto->mutable_original());
  if (!(translated == original)) {
    Write(translated, names, proto->mutable_translated());
  }
}

absl::Status ListFlows(const api::ListFlowsRequest& request, const Snapshot& snapshot,
                       const Switch& packet_side, api::ListFlowsReply* reply) {
  const absl::StatusOr<FlowQuery> query = QueryOf(request.filter(), snapshot);
  if (!query.ok()) {
    return query.status();
  }
  const std::size_t limit =
      request.limit() == 0 ? std::numeric_limits<std::size_t>::max() : request.limit();
  const FlowList list = packet_side.Flows(*query, limit);
  const AddressNames addresses(snapshot);
  PortNames ports;
  ports.Update(snapshot);
  reply->set_revision(snapshot.revision.value());
  for (const FlowInfo& flow : list.flows) {
    ToProto(flow, addresses, ports, reply->add_items());
  }
  const FlowTableInfo table = packet_side.FlowTable();
  reply->set_matching(list.matching);
  reply->set_connections(table.connections);
  reply->set_connections_limit(table.limit);
  return absl::OkStatus();
}

absl::Status FlushFlows(const api::FlushFlowsRequest& request, const Snapshot& snapshot,
                        Switch& packet_side, api::FlushFlowsReply* reply) {
  const absl::StatusOr<FlowQuery> query = QueryOf(request.filter(), snapshot);
  if (!query.ok()) {
    return query.status();
  }
  const bool everything =
      query->port == net::kNoPort && !query->host && !query->protocol && !query->l4_port;
  if (everything != request.all()) {
    return absl::InvalidArgumentError(
        everything ? "filter: says nothing; all connections are ended with \"all\" only"
                   : "all: and a filter contradict each other");
  }
  reply->set_revision(snapshot.revision.value());
  reply->set_flushed(packet_side.FlushFlows(*query));
  return absl::OkStatus();
}

}  // namespace pollux::control
