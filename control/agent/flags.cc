#include "control/agent/flags.h"

#include <absl/strings/numbers.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_split.h>
#include <gflags/gflags.h>
#include <unistd.h>

#include <array>
#include <climits>
#include <optional>
#include <utility>

DEFINE_string(manifests, "",
              "DIR: of Kubernetes objects as *.yaml, *.yml and *.json files; changes are followed");
DEFINE_string(node_name, "", "NAME: of this node's Node object (default: the host's name)");
DEFINE_string(node_ip, "", "IP,..: this node's addresses (default: those of its Node object)");
DEFINE_string(run_dir, "/run/pollux", "DIR: of vswitchd's socket and the agent's own");
DEFINE_string(cluster_cidr, "",
              "CIDR,..: the pods' addresses on all nodes (default: the podCIDRs of all Nodes)");
DEFINE_string(nodeport_addresses, "",
              "CIDR,..: which addresses of the node serve NodePorts (default: all)");
DEFINE_bool(allow_external_ips, false,
            "serve the externalIPs of Services: anybody who may make a Service can claim any "
            "address then (CVE-2020-8554)");
DEFINE_bool(masquerade, false, "hide what pods send out of the cluster behind the node's address");
DEFINE_string(masquerade_exclude, "", "CIDR,..: destinations for which pods are not hidden");
DEFINE_string(snat_ports, "61000-65535",
              "FIRST-LAST: ports of the node's address that hidden connections may have");

namespace pollux::agent {
namespace {

constexpr std::string_view kUsage =
    "Usage: vswitch-agent --manifests DIR [flags]\n"
    "Keeps vswitchd equal to the Kubernetes objects of a directory. Logs to stderr; SIGTERM and\n"
    "SIGINT end it, and the switch goes on with what it has.\n\n";

constexpr std::array kFlags = {"manifests",
                               "node_name",
                               "node_ip",
                               "run_dir",
                               "cluster_cidr",
                               "nodeport_addresses",
                               "allow_external_ips",
                               "masquerade",
                               "masquerade_exclude",
                               "snat_ports"};
constexpr control::Program kProgram{
    .name = "vswitch-agent", .version = POLLUX_VERSION, .usage = kUsage, .flags = kFlags};

template <typename Address>
absl::StatusOr<std::vector<Address>> ReadList(const char* flag, const std::string& text,
                                              const char* what) {
  std::vector<Address> list;
  for (const std::string& item :
       std::vector<std::string>(absl::StrSplit(text, ',', absl::SkipEmpty()))) {
    const std::optional<Address> address = Address::Parse(item);
    if (!address) {
      return absl::InvalidArgumentError(absl::StrCat(flag, ": \"", item, "\" is not ", what));
    }
    list.push_back(*address);
  }
  return list;
}

absl::Status ReadPorts(const std::string& text, Options& options) {
  const std::vector<std::string> ends = absl::StrSplit(text, '-');
  std::uint32_t first = 0;
  std::uint32_t last = 0;
  if (ends.size() != 2 || !absl::SimpleAtoi(ends[0], &first) || !absl::SimpleAtoi(ends[1], &last) ||
      first == 0 || first > last || last > 65535) {
    return absl::InvalidArgumentError(
        absl::StrCat("--snat-ports: \"", text, "\" is no range such as 61000-65535"));
  }
  options.snat_first_port = static_cast<std::uint16_t>(first);
  options.snat_last_port = static_cast<std::uint16_t>(last);
  return absl::OkStatus();
}

std::string HostName() {
  std::array<char, HOST_NAME_MAX + 1> name{};
  gethostname(name.data(), name.size() - 1);
  return name.data();
}

constexpr const char* kPrefix = "a prefix such as 10.0.0.0/8";

absl::StatusOr<Options> OptionsFromFlags() {
  if (FLAGS_manifests.empty()) {
    return absl::InvalidArgumentError("--manifests: a directory must be given");
  }
  const auto manifests = control::Directory("--manifests", FLAGS_manifests);
  const auto run_dir = control::Directory("--run-dir", FLAGS_run_dir);
  const auto node_ips = ReadList<net::IpAddress>("--node-ip", FLAGS_node_ip, "an IP address");
  const auto cidrs = ReadList<net::IpPrefix>("--cluster-cidr", FLAGS_cluster_cidr, kPrefix);
  const auto nodeports =
      ReadList<net::IpPrefix>("--nodeport-addresses", FLAGS_nodeport_addresses, kPrefix);
  const auto exclude =
      ReadList<net::IpPrefix>("--masquerade-exclude", FLAGS_masquerade_exclude, kPrefix);
  Options options;
  for (const absl::Status& status :
       {manifests.status(), run_dir.status(), node_ips.status(), cidrs.status(), nodeports.status(),
        exclude.status(), ReadPorts(FLAGS_snat_ports, options)}) {
    if (!status.ok()) {
      return status;
    }
  }
  options.manifests = *manifests;
  options.node_name = FLAGS_node_name.empty() ? HostName() : FLAGS_node_name;
  options.node_ips = *node_ips;
  options.run_dir = *run_dir;
  options.cluster_cidrs = *cidrs;
  options.nodeport_addresses = *nodeports;
  options.allow_external_ips = FLAGS_allow_external_ips;
  options.masquerade = FLAGS_masquerade;
  options.masquerade_exclude = *exclude;
  return options;
}

}  // namespace

CommandLine ParseCommandLine(int argc, const char* const* argv) {
  control::LineOutcome outcome = control::ReadLine(kProgram, argc, argv);
  if (!outcome.run) {
    return {std::move(outcome), {}};
  }
  const absl::StatusOr<Options> options = OptionsFromFlags();
  return options.ok()
             ? CommandLine{std::move(outcome), *options}
             : CommandLine{control::BadUsage(kProgram, std::string(options.status().message())),
                           {}};
}

}  // namespace pollux::agent
