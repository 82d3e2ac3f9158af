#include "test/packet/packet_switch.h"

#include <glog/logging.h>

#include "dataplane/core/test_eal.h"
#include "dataplane/pipeline.h"
#include "dataplane/stages/held.h"
#include "dataplane/stages/keep_alive.h"
#include "dataplane/stages/neighbour.h"

namespace pollux::stages::testing {
namespace {

core::PortSpec SpecOf(const char* name, core::PortRole role, const net::MacAddress& mac,
                      std::uint16_t mtu) {
  core::PortSpec spec;
  spec.name = name;
  spec.role = role;
  spec.mac = mac;
  spec.mtu = mtu;
  return spec;
}

RouteConfig RouteOf(const char* prefix, net::PortId port, const char* via = nullptr) {
  RouteConfig route{.prefix = net::IpPrefix::Parse(prefix).value(), .via = {}, .port = port};
  if (via != nullptr) {
    route.via = Ip(via);
  }
  return route;
}

std::unique_ptr<tables::ConnectionTable> TableOf(const SwitchOptions& options, core::Rcu& rcu) {
  core::InitTestEal();
  return tables::ConnectionTable::Create(
             {.capacity = options.connections, .quota_per_port = options.connections / 2}, rcu)
      .value();
}

}  // namespace

PacketSwitch::PacketSwitch(const SwitchOptions& options)
    : connections_(TableOf(options, rcu_)),
      flows_{.connections = *connections_,
             .epochs = epochs_,
             .affinity = {.table = affinity_},
             .fragments = fragments_,
             .timeouts = {},
             .pickup_until = net::Nanos{now_.value() + options.pickup_milliseconds * 1'000'000}},
      forwarding_(epochs_, adjacencies_, options.on_policy_change),
      neighbour_table_(std::make_shared<const tables::NeighbourTable>()) {
  AddPort(kPod1, SpecOf("pod1", core::PortRole::kPod, kPodMac, options.pod1_mtu));
  AddPort(kPod2, SpecOf("pod2", core::PortRole::kPod, kOtherPodMac, options.pod2_mtu));
  AddPort(kHost, SpecOf("host", core::PortRole::kHost, kHostMac, 1500));
  core::PortSpec uplink = SpecOf("uplink", core::PortRole::kUplink, kUplinkMac, options.uplink_mtu);
  uplink.addresses = {{Ip("192.0.2.1"), 24}, {Ip("2001:db8::1"), 64}};
  AddPort(kUplink, std::move(uplink));
  config.endpoints = {
      {.name = "pod1",
       .port = kPod1,
       .mac = kPodMac,
       .addresses = {Ip("10.0.0.10"), Ip("10.0.0.110"), Ip("fd00::10")}},
      {.name = "pod2",
       .port = kPod2,
       .mac = kOtherPodMac,
       .addresses = {Ip("10.0.0.11"), Ip("fd00::11"), Ip("192.0.2.50"), Ip("2001:db8::50")}}};
  config.routes = {RouteOf("198.18.0.0/15", kHost), RouteOf("192.0.2.0/24", kUplink),
                   RouteOf("2001:db8::/64", kUplink),
                   RouteOf("198.51.100.0/24", kUplink, "192.0.2.9"),
                   RouteOf("2001:db8:3::/48", kUplink, "2001:db8::9")};
  Publish();
}

void PacketSwitch::AddPort(net::PortId id, core::PortSpec spec) {
  ports_[id] = std::make_unique<vhost::FakePort>(id, std::move(spec));
  views_.push_back({ports_[id].get(), {}});
  forwarding_.AdmitPort(id);
}

void PacketSwitch::Publish() {
  const absl::Status status = forwarding_.Change(config, views_);
  CHECK(status.ok()) << status;
  BuildTables();
  forwarding_.Settle(*tables_);
}

void PacketSwitch::BuildTables() {
  tables_ = forwarding_.Build(views_, kGatewayMac, neighbour_table_, net::Revision{1});
}

void PacketSwitch::Forget(net::PortId id) {
  std::vector<tables::PortEntry> entries = tables_->ports->entries();
  entries.at(id.value()) = {};
  tables_->ports = std::make_shared<const tables::PortTable>(std::move(entries));
}

void PacketSwitch::Run() {
  while (PollPorts()) {
    SendHeldFrames();
    RunNeighbours();
  }
}

void PacketSwitch::Advance(std::uint64_t milliseconds) {
  constexpr std::uint64_t kStep = 100;
  for (std::uint64_t passed = 0; passed < milliseconds; passed += kStep) {
    now_ = net::Nanos{now_.value() + std::min(kStep, milliseconds - passed) * 1'000'000};
    neighbours_.Tick(now_);
    RunNeighbours();
    SweepConnections();
  }
}

void PacketSwitch::SweepConnections() {
  const tables::Ticks now = tables::TicksOf(now_);
  fragments_.Sweep(static_cast<unsigned>(fragments_.capacity()), now_);
  connections_->Sweep(0, 1, connections_->high_water(), [&](tables::Connection& connection) {
    KeepAlive(*tables_, flows_, connection, now);
    return tables::IsOver(connection, flows_.timeouts, now);
  });
}

bool PacketSwitch::PollPorts() {
  bool any = false;
  for (const auto& [id, port] : ports_) {
    const tables::PortEntry& ingress = (*tables_->ports)[id];
    if (ingress.port != nullptr && port->queued() > 0) {
      RunBurst(port->rx_queue(0), ingress);
      any = true;
    }
  }
  return any;
}

void PacketSwitch::RunBurst(core::RxQueue& queue, const tables::PortEntry& ingress) {
  batch_.Reset(ingress.port->id());
  queue.Receive(batch_);
  worker_.renewals_left = kRenewalsPerPass;
  Context ctx{.tables = *tables_,
              .ingress = ingress,
              .counters = ingress.port->counters(worker_.id),
              .worker = worker_,
              .now = now_};
  ProcessBurst(ctx, batch_);
  queue.Release(batch_);
}

void PacketSwitch::SendHeldFrames() { SendHeld(*tables_, worker_, now_); }

void PacketSwitch::RunNeighbours() {
  for (NeighbourEvent event; worker_.events.TryPop(event);) {
    neighbours_.Handle(event, now_);
  }
  for (const auto& [port, ip] : neighbours_.TakeSolicitations()) {
    GenerateSolicitation(worker_, (*tables_->ports)[port], ip);
  }
  if (neighbours_.TakeChanged()) {
    neighbour_table_ = neighbours_.Table();
    BuildTables();
  }
  SendHeldFrames();
  SendHeldFrames();  // gives back what the first one lent
}

std::map<std::string, std::uint64_t> PacketSwitch::Drops() const {
  std::map<std::string, std::uint64_t> drops;
  for (const auto& [id, port] : ports_) {
    const core::PortCounters& counters = port->counters(worker_.id);
    for (unsigned reason = 1; reason < core::kDropReasonCount; ++reason) {
      if (const std::uint64_t count = counters.drops[reason].value(); count > 0) {
        drops[std::string(core::Describe(static_cast<core::DropReason>(reason)).name)] += count;
      }
    }
  }
  return drops;
}

std::int64_t PacketSwitch::Imbalance() const {
  std::uint64_t came = 0;
  std::uint64_t went = 0;
  for (const auto& [id, port] : ports_) {
    const core::PortCounters& counters = port->counters(worker_.id);
    came += counters.rx_packets.value() + counters.generated.value();
    went += counters.tx_packets.value() + counters.answered.value();
  }
  for (const auto& [name, count] : Drops()) {
    went += count;
  }
  return static_cast<std::int64_t>(came - went);
}

}  // namespace pollux::stages::testing
