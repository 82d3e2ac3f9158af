// pktgen: sends from two DPDK ports to each other through a switch, and counts what arrives.
#include <gflags/gflags.h>
#include <rte_eal.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <iostream>
#include <string>
#include <vector>

#include "perf/pktgen/generator.h"

DEFINE_string(a_dev, "", "DPDK device of port a, e.g. net_virtio_user0,path=/run/a.sock,server=1");
DEFINE_string(b_dev, "", "DPDK device of port b");
DEFINE_string(a_mac, "02:00:00:00:0a:01", "source MAC of port a");
DEFINE_string(b_mac, "02:00:00:00:0a:02", "source MAC of port b");
DEFINE_string(a_ip, "198.18.0.1", "source addresses of port a: ADDRESS or ADDRESS+COUNT");
DEFINE_string(b_ip, "198.18.0.2", "source addresses of port b");
DEFINE_string(a_to_mac, "", "destination MAC of what a sends: the gateway's; default: b's");
DEFINE_string(b_to_mac, "", "destination MAC of what b sends; default: a's");
DEFINE_string(a_to_ip, "", "destination addresses of what a sends; default: b's");
DEFINE_string(b_to_ip, "", "destination addresses of what b sends; default: a's");
DEFINE_string(protocol, "udp", "udp or tcp (bare segments)");
DEFINE_string(source_ports, "1024+60000", "L4 source ports: PORT or PORT+COUNT");
DEFINE_string(destination_ports, "5001", "L4 destination ports: PORT or PORT+COUNT");
DEFINE_uint32(flows, 1024, "flows per direction, counted up through the ranges");
DEFINE_uint64(seed, 0, "draw the flows at random from this seed instead; 0: count up");
DEFINE_uint32(frame_bytes, 64, "frame size without FCS; raised to what headers and stamp need");
DEFINE_double(pps, 0, "packets per second and direction; 0: as fast as possible");
DEFINE_bool(one_way, false, "send from a to b only");
DEFINE_double(warmup, 0.5, "seconds of traffic that are not counted");
DEFINE_double(duration, 3, "seconds of traffic that are counted");
DEFINE_double(link_timeout, 30, "seconds to wait for both links");
DEFINE_uint32(burst, 64, "packets built and offered at once");
DEFINE_uint32(ring, 1024, "ring entries asked of the devices (virtio-user: also queue_size=)");
DEFINE_uint32(rx_queues, 1, "receive queues per port, for switches that send on several");
DEFINE_uint32(cpu, 0, "the CPU to run on");
DEFINE_uint32(memory_mb, 256, "hugepage memory");
DEFINE_bool(huge, true, "use hugepages (virtio-user needs them, memif does not)");
DEFINE_bool(verbose, false, "let DPDK talk");

namespace pollux::pktgen {
namespace {

template <typename T>
T Required(const std::optional<T>& value, const std::string& flag, const std::string& text) {
  if (!value) {
    std::cerr << "pktgen: --" << flag << ": cannot read \"" << text << "\"\n";
    std::exit(2);
  }
  return *value;
}

net::IpProtocol ProtocolFlag() {
  if (FLAGS_protocol == "udp") {
    return net::IpProtocol::kUdp;
  }
  return Required(FLAGS_protocol == "tcp" ? std::optional(net::IpProtocol::kTcp) : std::nullopt,
                  "protocol", FLAGS_protocol);
}

PortRange PortsFlag(const char* flag, const std::string& text) {
  return Required(PortRange::Parse(text), flag, text);
}

// The flags of one port; its letter starts their names.
struct Side {
  const char* letter;
  const std::string& device;
  const std::string& mac;
  const std::string& ip;
  const std::string& to_mac;
  const std::string& to_ip;

  [[nodiscard]] net::MacAddress Mac(const char* flag, const std::string& text) const {
    return Required(net::MacAddress::Parse(text), std::string(letter) + flag, text);
  }
  [[nodiscard]] AddressRange Ip(const char* flag, const std::string& text) const {
    return Required(AddressRange::Parse(text), std::string(letter) + flag, text);
  }
};

PortSpec MakePort(const Side& own, const Side& peer, std::uint8_t tag) {
  FlowSpec flows;
  flows.source_mac = own.Mac("_mac", own.mac);
  flows.destination_mac = own.Mac("_to_mac", own.to_mac.empty() ? peer.mac : own.to_mac);
  flows.sources = own.Ip("_ip", own.ip);
  flows.destinations = own.Ip("_to_ip", own.to_ip.empty() ? peer.ip : own.to_ip);
  flows.source_ports = PortsFlag("source_ports", FLAGS_source_ports);
  flows.destination_ports = PortsFlag("destination_ports", FLAGS_destination_ports);
  flows.protocol = ProtocolFlag();
  flows.flows = FLAGS_flows;
  flows.frame_bytes = FLAGS_frame_bytes;
  flows.tag = tag;
  if (FLAGS_seed != 0) {
    flows.seed = FLAGS_seed + tag;
  }
  return {.devargs = own.device,
          .flows = flows,
          .ring_entries = static_cast<std::uint16_t>(FLAGS_ring),
          .rx_queues = static_cast<std::uint16_t>(FLAGS_rx_queues),
          .burst = FLAGS_burst};
}

void Require(bool held, const char* what) {
  if (!held) {
    std::cerr << "pktgen: needed: " << what << "\n";
    std::exit(2);
  }
}

void CheckFlags() {
  Require(!FLAGS_a_dev.empty() && !FLAGS_b_dev.empty(), "--a-dev and --b-dev");
  Require(FLAGS_flows >= 1 && FLAGS_flows <= kMaxFlows, "--flows from 1 to 16777216");
  Require(FLAGS_frame_bytes <= kMaxFrameBytes, "--frame-bytes of at most 9018");
  Require(FLAGS_burst >= 1 && FLAGS_burst <= kMaxBurst, "--burst from 1 to 512");
  Require(FLAGS_rx_queues >= 1 && FLAGS_rx_queues <= 16, "--rx-queues from 1 to 16");
  Require(FLAGS_ring >= 64 && FLAGS_ring <= 32768, "--ring from 64 to 32768");
}

GeneratorSpec SpecFromFlags() {
  CheckFlags();
  // Differs between runs, so that what an earlier run left in a ring is not taken for ours.
  const auto tag = static_cast<std::uint8_t>((getpid() & 0x7f) << 1);
  const Side a{"a", FLAGS_a_dev, FLAGS_a_mac, FLAGS_a_ip, FLAGS_a_to_mac, FLAGS_a_to_ip};
  const Side b{"b", FLAGS_b_dev, FLAGS_b_mac, FLAGS_b_ip, FLAGS_b_to_mac, FLAGS_b_to_ip};
  GeneratorSpec spec{
      .ports = {MakePort(a, b, tag), MakePort(b, a, static_cast<std::uint8_t>(tag | 1))},
      .packets_per_second = {FLAGS_pps, FLAGS_pps},
      .sends = {true, !FLAGS_one_way}};
  for (const PortSpec& port : spec.ports) {
    Require(port.flows.sources.base.is_v6() == port.flows.destinations.base.is_v6(),
            "source and destination addresses of one family");
  }
  return spec;
}

// One lcore on one CPU, memory of our own, no PCI: nothing of the machine is touched.
bool InitEal() {
  std::vector<std::string> arguments = {"pktgen",
                                        "--lcores",
                                        "0@" + std::to_string(FLAGS_cpu),
                                        "--no-pci",
                                        "--no-telemetry",
                                        "--in-memory",
                                        "--file-prefix",
                                        "pktgen" + std::to_string(getpid()),
                                        "-m",
                                        std::to_string(FLAGS_memory_mb),
                                        "--vdev",
                                        FLAGS_a_dev,
                                        "--vdev",
                                        FLAGS_b_dev};
  arguments.emplace_back(FLAGS_huge ? "--single-file-segments" : "--no-huge");
  if (!FLAGS_verbose) {
    arguments.emplace_back("--log-level=*:error");
  }
  std::vector<char*> argv;
  for (std::string& argument : arguments) {
    argv.push_back(argument.data());
  }
  return rte_eal_init(static_cast<int>(argv.size()), argv.data()) >= 0;
}

int Fail(const absl::Status& status) {
  std::cerr << "pktgen: " << status.message() << "\n";
  return 1;
}

int Run() {
  GeneratorSpec spec = SpecFromFlags();
  if (!InitEal()) {
    return Fail(absl::UnavailableError("DPDK did not start (hugepages? --verbose tells more)"));
  }
  auto generator = Generator::Open(std::move(spec));
  if (!generator.ok()) {
    return Fail(generator.status());
  }
  if (const auto status = (*generator)->WaitForLinks(FLAGS_link_timeout); !status.ok()) {
    return Fail(status);
  }
  std::cerr << "pktgen: links up" << std::endl;
  (*generator)->RunPhase(FLAGS_warmup);
  std::cerr << "pktgen: measuring" << std::endl;
  nlohmann::json report = (*generator)->RunPhase(FLAGS_duration);
  report["flows"] = FLAGS_flows;
  report["ring"] = FLAGS_ring;
  std::cout << report.dump(2) << std::endl;
  return 0;
}

}  // namespace
}  // namespace pollux::pktgen

int main(int argc, char** argv) {
  gflags::SetUsageMessage("--a-dev DEVARGS --b-dev DEVARGS [flags]; prints JSON");
  gflags::SetVersionString("0.1.0");
  gflags::ParseCommandLineFlags(&argc, &argv, true);
  const auto stop = [](int) { pollux::pktgen::Generator::RequestStop(); };
  std::signal(SIGINT, stop);
  std::signal(SIGTERM, stop);
  const int code = pollux::pktgen::Run();
  rte_eal_cleanup();
  return code;
}
