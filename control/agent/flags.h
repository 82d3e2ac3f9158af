// The command line of vswitch-agent.
// Threading: main thread, before anything else.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "control/daemon/flag_line.h"
#include "dataplane/net/address.h"

namespace pollux::agent {

struct Options {
  std::string manifests;
  std::string node_name;
  std::vector<net::IpAddress> node_ips;
  std::string run_dir;
  std::vector<net::IpPrefix> cluster_cidrs;
  std::vector<net::IpPrefix> nodeport_addresses;
  bool allow_external_ips = false;
  bool masquerade = false;
  std::vector<net::IpPrefix> masquerade_exclude;
  std::uint16_t snat_first_port = 61000;
  std::uint16_t snat_last_port = 65535;
};

struct CommandLine : control::LineOutcome {
  Options options;
};

CommandLine ParseCommandLine(int argc, const char* const* argv);

}  // namespace pollux::agent
