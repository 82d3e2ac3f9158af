// The packet side as a whole, in one process: workers, TAP ports in network namespaces, and the
// kernel's stack as the pods. Root.
#include "dataplane/dataplane.h"

#include <glog/logging.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <string>
#include <thread>

#include "dataplane/eal.h"
#include "vhost/tap/test_namespace.h"

namespace pollux {
namespace {

constexpr net::MacAddress kGatewayMac{{2, 0, 0, 0, 0, 1}};

net::MacAddress MacOf(unsigned pod) { return {{2, 0, 0, 0, 1, static_cast<std::uint8_t>(pod)}}; }
std::string Ip4Of(unsigned pod) { return "10.1.0." + std::to_string(pod); }
std::string Ip6Of(unsigned pod) { return "fd00:1::" + std::to_string(pod); }

// A pod: a namespace, a TAP port in it, an endpoint.
struct Pod {
  explicit Pod(unsigned pod_number) : number(pod_number) {}

  [[nodiscard]] core::PortSpec Spec() const {
    core::PortSpec spec;
    spec.name = "pod" + std::to_string(number);
    spec.mac = MacOf(number);
    spec.backend = core::TapSpec{.netns = netns.path(), .ifname = "eth0"};
    return spec;
  }
  [[nodiscard]] EndpointConfig Endpoint() const {
    return {.name = "pod" + std::to_string(number),
            .port = port,
            .mac = MacOf(number),
            .addresses = {*net::IpAddress::Parse(Ip4Of(number)),
                          *net::IpAddress::Parse(Ip6Of(number))}};
  }
  void Configure() const {
    netns.Run("ip addr add " + Ip4Of(number) + "/32 dev eth0 && " +
              "sysctl -qw net.ipv6.conf.eth0.disable_ipv6=0 net.ipv6.conf.eth0.accept_dad=0 && " +
              "ip -6 addr add " + Ip6Of(number) + "/128 dev eth0 nodad && " +
              "ip route add default via 169.254.1.1 dev eth0 onlink && " +
              "ip -6 route add default via fe80::1 dev eth0");
  }
  [[nodiscard]] bool Pings(const std::string& address) const {
    bool answered = false;
    netns.Do([&] {
      answered = std::system(("ping -c 2 -i 0.05 -W 1 " + address + " >/dev/null").c_str()) == 0;
      return absl::OkStatus();
    });
    return answered;
  }

  unsigned number;
  net::PortId port;
  vhost::TestNamespace netns;
};

class DataplaneTest : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    const absl::Status status =
        InitEal({.worker_cores = {1, 0},
                 .main_core = 0,
                 .no_huge = true,
                 .memory_mb = 64,
                 .file_prefix = "pollux-dataplane-test-" + std::to_string(getpid())});
    CHECK(status.ok()) << status;
  }

  void SetUp() override {
    auto started = Dataplane::Start(
        {.worker_cores = {1, 0}, .gateway_mac = kGatewayMac, .flow_entries = 4096});
    ASSERT_TRUE(started.ok()) << started.status();
    dataplane_ = *std::move(started);
  }

  std::unique_ptr<Pod> Attach(unsigned number) {
    auto pod = std::make_unique<Pod>(number);
    const auto id = dataplane_->AddPort(pod->Spec());
    CHECK(id.ok()) << id.status();
    pod->port = *id;
    config_.endpoints.push_back(pod->Endpoint());
    Publish();
    pod->Configure();
    return pod;
  }
  void Publish() {
    const absl::Status status = dataplane_->Publish(config_, net::Revision{++revision_});
    CHECK(status.ok()) << status;
  }
  void Detach(const Pod& pod) {
    std::erase_if(config_.endpoints, [&](const auto& e) { return e.port == pod.port; });
    Publish();
    const absl::Status status = dataplane_->RemovePort(pod.port);
    CHECK(status.ok()) << status;
  }

  // received + generated == sent + answered + dropped, once nothing is on its way.
  void ExpectBalance() {
    std::uint64_t came = 0;
    std::uint64_t went = 1;
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(2);
    while (came != went && std::chrono::steady_clock::now() < deadline) {
      came = went = 0;
      for (const PortInfo& port : dataplane_->Ports()) {
        const PortTotals totals = *dataplane_->Totals(port.id);
        came += totals.rx_packets + totals.generated;
        went += totals.tx_packets + totals.answered;
        for (const std::uint64_t dropped : totals.drops) {
          went += dropped;
        }
      }
    }
    EXPECT_EQ(came, went);
  }

  std::unique_ptr<Dataplane> dataplane_;
  ForwardingConfig config_;
  std::uint64_t revision_ = 0;
};

TEST_F(DataplaneTest, PodsPingEachOtherAndTheGateway) {
  const auto one = Attach(1);
  const auto two = Attach(2);
  EXPECT_TRUE(one->Pings(Ip4Of(2)));
  EXPECT_TRUE(one->Pings(Ip6Of(2)));
  EXPECT_TRUE(two->Pings(Ip4Of(1)));
  EXPECT_TRUE(one->Pings("169.254.1.1"));
  EXPECT_TRUE(one->Pings("fe80::1%eth0"));
  EXPECT_FALSE(one->Pings("10.9.9.9")) << "nobody has this address";
  ExpectBalance();
}

TEST_F(DataplaneTest, PortsComeAndGoWhileOthersTalk) {
  const auto one = Attach(1);
  const auto two = Attach(2);
  std::atomic<bool> stop{false};
  std::atomic<unsigned> lost{0};
  std::thread talk([&] {
    while (!stop) {
      lost += one->Pings(Ip4Of(2)) ? 0 : 1;
    }
  });
  for (int round = 0; round < 5; ++round) {
    const auto three = Attach(3);
    EXPECT_TRUE(three->Pings(Ip4Of(1)));
    EXPECT_TRUE(dataplane_->MoveQueue(three->port, 0, static_cast<unsigned>(round % 2)).ok());
    EXPECT_TRUE(three->Pings(Ip4Of(2)));
    Detach(*three);
  }
  stop = true;
  talk.join();
  EXPECT_EQ(lost, 0);
  ExpectBalance();
}

TEST_F(DataplaneTest, APortThatIsStillNamedIsNotRemoved) {
  const auto one = Attach(1);
  const absl::Status status = dataplane_->RemovePort(one->port);
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition) << status;
  EXPECT_TRUE(one->Pings("169.254.1.1"));
}

TEST_F(DataplaneTest, AnAddressOnTwoEndpointsIsRefusedAndChangesNothing) {
  const auto one = Attach(1);
  const auto two = Attach(2);
  ForwardingConfig bad = config_;
  bad.endpoints[1].addresses = bad.endpoints[0].addresses;
  const absl::Status status = dataplane_->Publish(bad, net::Revision{revision_ + 1});
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_NE(status.message().find("10.1.0.1 belongs to endpoint pod1"), std::string::npos)
      << status;
  EXPECT_EQ(dataplane_->live_revision(), net::Revision{revision_});
  EXPECT_TRUE(one->Pings(Ip4Of(2)));
}

TEST_F(DataplaneTest, AnIdleWorkerSleepsAndWakesWithThePacket) {
  const auto one = Attach(1);
  const auto two = Attach(2);
  std::this_thread::sleep_for(std::chrono::milliseconds(300));
  const auto loops_before = dataplane_->Workers()[0].loops;
  std::this_thread::sleep_for(std::chrono::milliseconds(200));
  // A polling worker passes hundreds of thousands of times in this time; a few wakes (router
  // solicitations) pass for 100 us each.
  EXPECT_LT(dataplane_->Workers()[0].loops - loops_before, 5000);
  EXPECT_TRUE(one->Pings(Ip4Of(2)));
}

}  // namespace
}  // namespace pollux
