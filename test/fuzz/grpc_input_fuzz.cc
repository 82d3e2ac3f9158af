// Requests of any bytes to the API, as a client on its socket could send them, on a switch that
// holds what was asked for and refuses now and then. What must hold after each request:
//  - one that was refused changed nothing: not the configuration, not its revision, not the switch;
//  - the switch has the ports that are configured, and forwards to no others;
//  - what GetConfig tells of an owner can be given to Sync as it is, and changes nothing.
//
// Input: requests: kind (1 byte), length (2), the message in protobuf's encoding.
#include <glog/logging.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "control/rpc/api.h"
#include "test/fuzz/input.h"

namespace pollux::control {
namespace {

// The packet side's contract (dataplane/dataplane.h) and nothing behind it.
class ContractSwitch final : public Switch {
 public:
  absl::StatusOr<net::PortId> AddPort(const core::PortSpec& spec) override {
    if (refusing_ && --refusing_after_ == 0) {
      refusing_ = false;
      return absl::UnavailableError("refused for once");
    }
    for (const auto& [id, other] : ports_) {
      CHECK(other.name != spec.name) << "port " << spec.name << " is made twice";
    }
    std::uint16_t free = 1;
    while (ports_.contains(net::PortId(free))) {
      ++free;
    }
    ports_.emplace(net::PortId(free), spec);
    return net::PortId(free);
  }
  absl::Status RemovePort(net::PortId port) override {
    CHECK_EQ(ports_.erase(port), 1U) << "a port that is not there is removed";
    CheckForwarding();
    return absl::OkStatus();
  }
  absl::Status MoveQueue(net::PortId port, unsigned queue, unsigned worker) override {
    CHECK(ports_.contains(port));
    return queue < ports_.at(port).queues && worker == 0
               ? absl::OkStatus()
               : absl::InvalidArgumentError("no such queue or worker");
  }
  absl::Status Publish(const ForwardingConfig& config, net::Revision) override {
    config_ = config;
    CheckForwarding();
    return absl::OkStatus();
  }
  [[nodiscard]] std::vector<PortInfo> Ports() const override {
    std::vector<PortInfo> infos;
    for (const auto& [id, spec] : ports_) {
      infos.push_back({.id = id, .spec = spec, .status = {}, .mac = {}, .workers = {0}});
    }
    return infos;
  }
  [[nodiscard]] std::optional<PortTotals> Totals(net::PortId port) const override {
    return ports_.contains(port) ? std::optional(PortTotals()) : std::nullopt;
  }
  [[nodiscard]] std::vector<WorkerInfo> Workers() const override { return {WorkerInfo()}; }
  [[nodiscard]] std::vector<NeighbourInfo> Neighbours() const override { return {}; }
  [[nodiscard]] net::MacAddress gateway_mac() const override { return {{2, 0, 0, 0, 0, 1}}; }
  [[nodiscard]] absl::StatusOr<Explanation> Explain(const ExplainQuery&) const override {
    return Explanation();
  }
  std::shared_ptr<core::Subscription> Subscribe(const core::ObservationFilter&) override {
    return nullptr;
  }

  // The AddPort that comes after `calls` others fails.
  void RefuseAfter(unsigned calls) {
    refusing_ = true;
    refusing_after_ = calls + 1;
  }

  // All of it, by names: numbers may change when something is made anew.
  struct Contents {
    std::map<std::string, core::PortSpec> ports;
    std::map<std::string, std::pair<std::string, EndpointConfig>> endpoints;
    std::map<net::IpPrefix, std::pair<std::string, std::optional<net::IpAddress>>> routes;
    friend bool operator==(const Contents&, const Contents&) = default;
  };
  [[nodiscard]] Contents contents() const {
    Contents contents;
    for (const auto& [id, spec] : ports_) {
      contents.ports.emplace(spec.name, spec);
    }
    for (EndpointConfig endpoint : config_.endpoints) {
      const std::string port = ports_.at(std::exchange(endpoint.port, {})).name;
      contents.endpoints.emplace(endpoint.name, std::pair(port, endpoint));
    }
    for (const RouteConfig& route : config_.routes) {
      contents.routes.emplace(route.prefix, std::pair(ports_.at(route.port).name, route.via));
    }
    return contents;
  }

 private:
  void CheckForwarding() const {
    for (const EndpointConfig& endpoint : config_.endpoints) {
      CHECK(ports_.contains(endpoint.port)) << "endpoint " << endpoint.name << " has no port";
    }
    for (const RouteConfig& route : config_.routes) {
      CHECK(ports_.contains(route.port)) << "a route leads to no port";
    }
  }

  std::map<net::PortId, core::PortSpec> ports_;
  ForwardingConfig config_;
  bool refusing_ = false;
  unsigned refusing_after_ = 0;
};

core::PortSpec HostInterface() {
  core::PortSpec spec;
  spec.name = "pollux0";
  spec.role = core::PortRole::kHost;
  spec.backend = core::TapSpec{.netns = "", .ifname = "pollux0"};
  return spec;
}

template <typename Message>
Stream<Message> OneReply() {
  return {.send = [](const Message&) { return true; }, .cancelled = [] { return true; }};
}

class Session {
 public:
  Session()
      : controller_(switch_, std::nullopt), api_(controller_, "fuzz", Api::Clock::time_point()) {
    CHECK(controller_.Start({HostInterface()}).ok());
  }

  void Handle(fuzz::Input& input) {
    const auto kind = input.Take<std::uint8_t>();
    const auto bytes = input.TakeBytes(input.Take<std::uint16_t>());
    switch (kind % 8) {
      case 0:
      case 1:
        return Change<api::ApplyRequest>(bytes, &Api::Apply);
      case 2:
        return Change<api::SyncRequest>(bytes, &Api::Sync);
      case 3:
        return Ask<api::MoveQueueRequest, api::MoveQueueReply>(bytes, &Api::MoveQueue);
      case 4:
        Ask<api::ListRequest, api::ListPortsReply>(bytes, &Api::ListPorts);
        Ask<api::ListRequest, api::ListEndpointsReply>(bytes, &Api::ListEndpoints);
        return Ask<api::ListRequest, api::ListRoutesReply>(bytes, &Api::ListRoutes);
      case 5:
        Ask<api::GetStatusRequest, api::GetStatusReply>(bytes, &Api::GetStatus);
        Ask<api::ListNeighboursRequest, api::ListNeighboursReply>(bytes, &Api::ListNeighbours);
        return Ask<api::GetConfigRequest, api::GetConfigReply>(bytes, &Api::GetConfig);
      case 6:
        Watch<api::StatsRequest, api::StatsReply>(bytes, &Api::Stats);
        return Watch<api::DropsRequest, api::DropsReply>(bytes, &Api::Drops);
      default:
        switch_.RefuseAfter(bytes.empty() ? 0U : static_cast<unsigned>(bytes[0]) % 4U);
    }
  }

 private:
  template <typename Message>
  static bool Parse(std::span<const std::uint8_t> bytes, Message& message) {
    return message.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()));
  }

  template <typename Request, typename Call>
  void Change(std::span<const std::uint8_t> bytes, Call call) {
    Request request;
    if (!Parse(bytes, request)) {
      return;
    }
    const auto before = controller_.snapshot();
    const auto contents = switch_.contents();
    api::ApplyReply reply;
    const absl::Status status = (api_.*call)(request, &reply);
    const auto now = controller_.snapshot();
    if (!status.ok() || request.dry_run() || reply.items().empty()) {
      CHECK(now->desired == before->desired) << "changed the configuration: " << status;
      CHECK(now->revision == before->revision) << "changed the revision: " << status;
      CHECK(switch_.contents() == contents) << "changed the switch: " << status;
    } else {
      CHECK(now->revision > before->revision);
      CHECK_EQ(reply.revision(), now->revision.value());
    }
    CheckSwitch(*now);
    for (const std::string_view owner : {"cli", "agent"}) {
      CheckSyncOfConfig(std::string(owner));
    }
  }
  void CheckSwitch(const Snapshot& snapshot) const {
    const auto contents = switch_.contents();
    CHECK_EQ(contents.ports.size() + snapshot.installed.failures.size(),
             snapshot.desired.ports.size());
    for (const auto& [name, spec] : contents.ports) {
      CHECK(snapshot.desired.ports.at(name).spec == spec);
    }
    if (snapshot.installed.failures.empty()) {
      CHECK_EQ(contents.endpoints.size(), snapshot.desired.forwarding.endpoints.size());
      CHECK_EQ(contents.routes.size(), snapshot.desired.forwarding.routes.size());
    }
  }
  void CheckSyncOfConfig(const std::string& owner) {
    api::GetConfigRequest request;
    request.set_owner(owner);
    api::GetConfigReply config;
    CHECK(api_.GetConfig(request, &config).ok());
    api::SyncRequest sync;
    sync.set_owner(owner);
    *sync.mutable_items() = config.items();
    api::ApplyReply reply;
    const absl::Status status = api_.Sync(sync, &reply);
    CHECK(status.ok()) << "GetConfig's answer is refused: " << status;
    CHECK(reply.items().empty()) << "GetConfig's answer changes " << reply.items(0).DebugString();
    CHECK_EQ(reply.revision(), config.revision());
  }

  template <typename Request, typename Reply, typename Call>
  void Ask(std::span<const std::uint8_t> bytes, Call call) {
    Request request;
    Reply reply;
    if (Parse(bytes, request)) {
      (void)(api_.*call)(request, &reply);
    }
  }
  template <typename Request, typename Reply, typename Call>
  void Watch(std::span<const std::uint8_t> bytes, Call call) {
    Request request;
    if (Parse(bytes, request)) {
      (void)(api_.*call)(request, OneReply<Reply>());
    }
  }

  ContractSwitch switch_;
  Controller controller_;
  Api api_;
};

}  // namespace
}  // namespace pollux::control

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  pollux::fuzz::Input input(data, size);
  pollux::control::Session session;
  while (!input.empty()) {
    session.Handle(input);
  }
  return 0;
}
