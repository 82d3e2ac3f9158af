// Requests of any bytes to the API, as a client on its socket could send them, on a switch that
// refuses to make a port now and then. What must hold after each request:
//  - one that was refused changed nothing: not the configuration, not its revision, not the switch;
//  - in the end the switch holds what is configured, and was never asked for what it must refuse;
//  - what GetConfig tells of an owner can be given to Sync as it is, and changes nothing.
//
// Input: requests: kind (1 byte), length (2), the message in protobuf's encoding.
#include <glog/logging.h>

#include <array>
#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "control/rpc/api.h"
#include "control/state/fake_switch.h"
#include "test/fuzz/input.h"

namespace pollux::control {
namespace {

// All that the switch holds, by names: numbers may change when something is made anew.
struct Contents {
  std::map<std::string, core::PortSpec> ports;
  std::map<std::string, std::pair<std::string, EndpointConfig>> endpoints;
  std::map<net::IpPrefix, std::pair<std::string, std::optional<net::IpAddress>>> routes;
  friend bool operator==(const Contents&, const Contents&) = default;
};

Contents ContentsOf(const FakeSwitch& packet_side) {
  Contents contents;
  std::map<net::PortId, std::string> names;
  for (const PortInfo& port : packet_side.Ports()) {
    names.emplace(port.id, port.spec.name);
    contents.ports.emplace(port.spec.name, port.spec);
  }
  const ForwardingConfig config = packet_side.config();
  for (EndpointConfig endpoint : config.endpoints) {
    const std::string port = names.at(std::exchange(endpoint.port, {}));
    contents.endpoints.emplace(endpoint.name, std::pair(port, endpoint));
  }
  for (const RouteConfig& route : config.routes) {
    contents.routes.emplace(route.prefix, std::pair(names.at(route.port), route.via));
  }
  return contents;
}

// What the switch should hold.
Contents ContentsOf(const State& state) {
  Contents contents;
  for (const auto& [name, port] : state.ports) {
    contents.ports.emplace(name, port.spec);
  }
  for (const auto& [name, endpoint] : state.forwarding.endpoints) {
    contents.endpoints.emplace(
        name, std::pair(endpoint.port, EndpointConfig{.name = name,
                                                      .port = {},
                                                      .mac = endpoint.mac,
                                                      .addresses = endpoint.addresses,
                                                      .open = state.forwarding.IsOpen(endpoint),
                                                      .pod = endpoint.pod}));
  }
  for (const auto& [prefix, route] : state.forwarding.routes) {
    contents.routes.emplace(prefix, std::pair(route.port, route.via));
  }
  return contents;
}

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
    switch (kind % 11) {
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
      case 7:
        return RefuseNext(bytes.empty() ? 0U : bytes[0]);
      case 8:
        return Ask<api::ExplainRequest, api::ExplainReply>(bytes, &Api::Explain);
      case 10:
        Ask<api::ListFlowsRequest, api::ListFlowsReply>(bytes, &Api::ListFlows);
        return Ask<api::FlushFlowsRequest, api::FlushFlowsReply>(bytes, &Api::FlushFlows);
      default:
        return Watch<api::ObserveRequest, api::ObservationBatch>(bytes, &Api::Trace);
    }
  }

 private:
  template <typename Message>
  static bool Parse(std::span<const std::uint8_t> bytes, Message& message) {
    return message.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()));
  }

  // The next change that makes a port of this name fails.
  void RefuseNext(unsigned choice) {
    constexpr std::array<const char*, 4> kNames = {"web", "vm", "nfv", "wire"};
    refused_ = kNames[choice % kNames.size()];
    switch_.Refuse("add " + refused_, absl::UnavailableError("refused for once"));
  }

  template <typename Request, typename Call>
  void Change(std::span<const std::uint8_t> bytes, Call call) {
    Request request;
    if (!Parse(bytes, request)) {
      return;
    }
    const auto before = controller_.snapshot();
    const Contents contents = ContentsOf(switch_);
    api::ApplyReply reply;
    const absl::Status status = (api_.*call)(request, &reply);
    const auto now = controller_.snapshot();
    if (!status.ok() || request.dry_run() || reply.items().empty()) {
      CHECK(now->desired == before->desired) << "changed the configuration: " << status;
      CHECK(now->revision == before->revision) << "changed the revision: " << status;
      // A port that was there and is refused cannot be made again on the way back.
      if (!before->desired.ports.contains(refused_)) {
        CHECK(ContentsOf(switch_) == contents) << "changed the switch: " << status;
      }
    } else {
      CHECK(now->revision > before->revision);
      CHECK_EQ(reply.revision(), now->revision.value());
    }
    CheckCalls();
    CheckSwitch();
    for (const std::string_view owner : {"cli", "agent"}) {
      CheckSyncOfConfig(std::string(owner));
    }
  }
  // The switch refused nothing by its own contract, which Dataplane shares.
  void CheckCalls() {
    for (const std::string& made : switch_.TakeCalls()) {
      CHECK(!made.ends_with('!') || made == "add " + refused_ + "!") << made;
    }
    CHECK_EQ(switch_.breaches(), 0U);
  }
  void CheckSwitch() {
    switch_.Refuse("add " + refused_, absl::OkStatus());
    refused_.clear();
    controller_.RetryFailed();
    const auto now = controller_.snapshot();
    CHECK(now->installed.failures.empty());
    CHECK(ContentsOf(switch_) == ContentsOf(now->desired)) << "the switch is not as configured";
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

  FakeSwitch switch_;
  Controller controller_;
  Api api_;
  std::string refused_;  // the port that the switch refuses to make; empty: none
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
