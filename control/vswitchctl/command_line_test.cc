#include "control/vswitchctl/command_line.h"

#include <absl/strings/str_join.h>
#include <absl/strings/str_split.h>
#include <gmock/gmock.h>

#include <sstream>

#include "control/vswitchctl/fake_api.h"

namespace pollux::ctl {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::StartsWith;

std::vector<std::string> Words(const std::string& line) {
  return absl::StrSplit(line, ' ', absl::SkipEmpty());
}

// What the switch is asked by a line.
std::string Asked(const std::string& line) {
  const CommandLine parsed = ParseCommandLine(Words(line));
  if (!parsed.action) {
    return parsed.text;
  }
  FakeApi api;
  std::ostringstream out;
  std::ostringstream notes;
  Output output(out, parsed.format);
  Session session{.api = api, .output = output, .notes = notes};
  EXPECT_EQ(parsed.action(session), absl::OkStatus()) << line;
  return absl::StrJoin(api.asked, "; ");
}

TEST(CommandLine, EachLineAsksTheSwitch) {
  struct Row {
    const char* line;
    const char* asked;
  };
  const Row rows[] = {
      {"status -o json", "GetStatus"},
      {"status --wait 10s -o yaml", "wait 10000 ms; GetStatus"},
      {"port list", "ListPorts"},
      {"port show web", "ListPorts name: \"web\""},
      {"port add web --type tap", "Apply put { port { name: \"web\" tap { } } } create_only: true"},
      {"port add web --type tap --netns /run/netns/web --ifname eth0 --mac 02:00:00:00:00:01 "
       "--mtu 9000 --queues 2 --ring-size 256 --vlan 7",
       "Apply put { port { name: \"web\" mac: \"02:00:00:00:00:01\" mtu: 9000 queues: 2 "
       "ring_size: 256 vlan: 7 tap { netns: \"/run/netns/web\" ifname: \"eth0\" } } } "
       "create_only: true"},
      {"port add vm --type vhost-user --socket /run/vm.sock --mode client",
       "Apply put { port { name: \"vm\" vhost_user { socket: \"/run/vm.sock\" mode: \"client\" } "
       "} } create_only: true"},
      {"port add vm --type vhost-user --socket /s --socket-owner qemu:kvm --socket-mode 0660",
       "Apply put { port { name: \"vm\" vhost_user { socket: \"/s\" socket_owner: \"qemu:kvm\" "
       "socket_mode: \"0660\" } } } create_only: true"},
      {"port add m --type memif --socket /s --id 3 --role server",
       "Apply put { port { name: \"m\" memif { socket: \"/s\" id: 3 role: \"server\" } } } "
       "create_only: true"},
      {"port add wire --type ethdev --devargs 0000:01:00.0 --uplink --address 192.0.2.1/24 "
       "--address 2001:db8::1/64",
       "Apply put { port { name: \"wire\" role: \"uplink\" address: \"192.0.2.1/24\" address: "
       "\"2001:db8::1/64\" ethdev { devargs: \"0000:01:00.0\" } } } create_only: true"},
      {"port add port --type tap",
       "Apply put { port { name: \"port\" tap { } } } "
       "create_only: true"},  // a noun as a name
      {"port remove a b", "Apply remove { port: \"a\" } remove { port: \"b\" }"},
      {"port move web --queue 1 --worker 2", "MoveQueue port: \"web\" queue: 1 worker: 2"},
      {"endpoint list", "ListEndpoints"},
      {"endpoint show web", "ListEndpoints name: \"web\""},
      {"endpoint add web --port p --mac 02:00:00:00:00:01 --ip 10.0.0.1 --ip fd00::1 "
       "--pod shop/web",
       "Apply put { endpoint { name: \"web\" port: \"p\" mac: \"02:00:00:00:00:01\" ip: "
       "\"10.0.0.1\" ip: \"fd00::1\" pod: \"shop/web\" } } create_only: true"},
      {"endpoint add web --port p --mac m --ip a,b --ip c d",
       "Apply put { endpoint { name: \"web\" port: \"p\" mac: \"m\" ip: \"a\" ip: \"b\" ip: "
       "\"c\" ip: \"d\" } } create_only: true"},
      {"endpoint remove web", "Apply remove { endpoint: \"web\" }"},
      {"route list", "ListRoutes"},
      {"agent status", "GetAgentStatus"},
      {"service list", "ListServices"},
      {"policy list", "ListPolicies"},
      {"route add 10.0.0.0/8 --via 192.0.2.9 --port wire",
       "Apply put { route { prefix: \"10.0.0.0/8\" via: \"192.0.2.9\" port: \"wire\" } } "
       "create_only: true"},
      {"route remove 10.0.0.0/8", "Apply remove { route: \"10.0.0.0/8\" }"},
      {"neighbour list", "ListNeighbours"},
      {"flow list", "ListFlows limit: 1000"},
      {"flow list --port web --host 10.0.0.0/8 --protocol tcp --l4-port 80 --limit 0",
       "ListFlows filter { port: \"web\" host: \"10.0.0.0/8\" protocol: \"tcp\" l4_port: 80 }"},
      {"flow show --l4-port 53", "ListFlows filter { l4_port: 53 } limit: 10"},
      {"flow flush --host fd00::1", "FlushFlows filter { host: \"fd00::1\" }"},
      {"flow flush --all", "FlushFlows all: true"},
      {"drops", "Drops"},
      {"drops --port web --all", "Drops port: \"web\" all: true"},
      {"drops --watch", "Drops interval_ms: 1000"},
      {"drops --interval 250ms --watch", "Drops interval_ms: 250"},
      {"stats --port web", "Stats port: \"web\""},
      {"stats --watch --interval 2s", "Stats interval_ms: 2000"},
      {"trace", "Trace filter { }"},
      {"trace --port p --source 10.0.0.0/8 --destination fd00::1 --protocol tcp --l4-port 80",
       "Trace filter { port: \"p\" source: \"10.0.0.0/8\" destination: \"fd00::1\" protocol: "
       "\"tcp\" l4_port: 80 }"},
      {"trace --step route --step send --host 10.0.0.1 --drops",
       "Trace filter { step: \"route\" step: \"send\" host: \"10.0.0.1\" drops: true }"},
      {"trace --reason no_route", "Trace filter { drops: true reason: \"no_route\" }"},
      {"capture --port p", "Capture filter { port: \"p\" }"},
      {"why shop/web shop/db:sql tcp 5432 --source-port 7",
       "Explain source: \"shop/web\" destination: \"shop/db:sql\" protocol: \"tcp\" l4_port: 5432 "
       "source_l4_port: 7"},
      {"why 10.0.0.1 10.0.0.2", "Explain source: \"10.0.0.1\" destination: \"10.0.0.2\""},
      {"why fd00::1 fd00::2 --port p",
       "Explain port: \"p\" source: \"fd00::1\" destination: \"fd00::2\""},
      {"config dump", "GetConfig"},
      {"config dump --owner cli", "GetConfig owner: \"cli\""},
      {"watch", "Watch"},
  };
  for (const Row& row : rows) {
    EXPECT_EQ(Asked(row.line), row.asked) << row.line;
  }
}

TEST(CommandLine, BadUsageIsOneLineThatNamesWhatIsWrong) {
  struct Row {
    const char* line;
    const char* text;
  };
  const Row rows[] = {
      {"", "vswitchctl: a command is missing: status, port,"},
      {"port", "vswitchctl port: a command is missing: add, list,"},
      {"prot list", "there is no prot (did you mean port?)"},
      {"port lsit", "there is no lsit (did you mean list?)"},
      {"--runn-dir /x port list", "unknown flag --runn-dir (did you mean --run-dir?)"},
      {"port list extra", "unexpected argument extra"},
      {"port show", "NAME is required"},
      {"port add x", "--type is required"},
      {"port add x --type pipe", "\"pipe\" is not one of tap, vhost-user, memif, ethdev"},
      {"port add x --typ tap", "unknown flag --typ (did you mean --type?)"},
      {"port add x --type tap --mtu big", "--mtu: \"big\" is no number"},
      {"port add x --type tap --mtu -1", "--mtu: \"-1\" is no number"},
      {"port add x --type tap --mtu 4294967296", "--mtu: \"4294967296\" is no number"},
      {"port add x --type tap --mtu", "--mtu needs a value"},
      {"port add x --type tap --mode server",
       "--mode does not fit --type tap: it is for vhost-user"},
      {"port add x --type tap --socket /s",
       "--socket does not fit --type tap: it is for vhost-user and memif"},
      {"port add x --type vhost-user", "--type vhost-user needs --socket"},
      {"port add x --type vhost-user --socket /s --role server",
       "--role does not fit --type vhost-user: it is for memif"},
      {"port add x --type vhost-user --socket /s --id 1", "--id does not fit --type vhost-user"},
      {"port add x --type vhost-user --socket /s --mode both",
       "--mode: \"both\" is not one of server, client"},
      {"port add x --type memif --socket /s --netns /n",
       "--netns does not fit --type memif: it is for tap"},
      {"port add x --type memif --socket /s --mode server", "--mode does not fit --type memif"},
      {"port add x --type ethdev", "--type ethdev needs --devargs"},
      {"port add x --type tap --devargs d", "--devargs does not fit --type tap"},
      {"port add x --type tap --address 192.0.2.1/24", "--address requires --uplink"},
      {"port move x --queue 1", "--worker is required"},
      {"endpoint add x --mac m --ip i", "--port is required"},
      {"endpoint add x --port p --ip i", "--mac is required"},
      {"endpoint add x --port p --mac m", "--ip is required"},
      {"endpoint add --ip 10.0.0.1 x --port p --mac m",
       "NAME is required, in front of flags that take several values"},
      {"route add 10.0.0.0/8", "--port is required"},
      {"status --wait 10", "--wait: \"10\" is no duration such as"},
      {"stats --interval 1s", "--interval requires --watch"},
      {"stats --watch --interval fast", "--interval: \"fast\" is no duration"},
      {"-o xml port list", "\"xml\" is not one of table, json, yaml"},
      {"why 10.0.0.1", "DESTINATION is required"},
      {"config", "vswitchctl config: a command is missing: dump, apply"},
      {"config apply", "FILE is required"},
      {"--run-dir /x --server unix:/y port list", "--run-dir excludes --server"},
      {"--server host:1 port list", "--server HOST:PORT needs --tls-cert, --tls-key and --tls-ca"},
      {"--tls-cert a port list", "are for --server HOST:PORT"},
      {"--server host --tls-cert a --tls-key b --tls-ca c port list",
       "\"host\" is neither HOST:PORT nor unix:PATH"},
  };
  for (const Row& row : rows) {
    const CommandLine line = ParseCommandLine(Words(row.line));
    EXPECT_FALSE(line.action) << row.line;
    EXPECT_EQ(line.exit_code, 2) << row.line;
    EXPECT_THAT(line.text, AllOf(StartsWith("vswitchctl"), HasSubstr(row.text))) << row.line;
    EXPECT_EQ(line.text.find('\n'), line.text.size() - 1) << row.line;
  }
}

TEST(CommandLine, GlobalFlagsStandAnywhere) {
  for (const char* text : {"--run-dir /x -o json port list", "port --run-dir /x list -o json",
                           "port list -o json --run-dir /x", "port list -ojson --run-dir=/x"}) {
    const CommandLine line = ParseCommandLine(Words(text));
    EXPECT_TRUE(line.action) << line.text;
    EXPECT_EQ(line.format, Format::kJson) << text;
    EXPECT_EQ(line.address.socket, "/x/vswitchd.sock") << text;
  }
}

TEST(CommandLine, TheSwitchIsWhereTheFlagsSay) {
  EXPECT_EQ(ParseCommandLine(Words("port list")).address.socket, "/run/pollux/vswitchd.sock");
  EXPECT_EQ(ParseCommandLine(Words("--server unix:/y port list")).address.socket, "/y");
  const CommandLine tcp =
      ParseCommandLine(Words("--server h:1 --tls-cert a --tls-key b --tls-ca c port list"));
  EXPECT_EQ(tcp.address.socket, "");
  EXPECT_EQ(tcp.address.host_port, "h:1");
  EXPECT_EQ(tcp.address.tls_cert, "a");
  EXPECT_EQ(tcp.address.tls_key, "b");
  EXPECT_EQ(tcp.address.tls_ca, "c");
}

TEST(CommandLine, HelpAndVersionExitWithZero) {
  EXPECT_THAT(ParseCommandLine({"--version"}).text, StartsWith("vswitchctl "));
  for (const auto& [command, help] : AllHelp()) {
    std::vector<std::string> words = Words(command + " --help");
    words.erase(words.begin());
    const CommandLine line = ParseCommandLine(words);
    EXPECT_FALSE(line.action) << command;
    EXPECT_EQ(line.exit_code, 0) << command;
    EXPECT_EQ(line.text, help) << command;
    EXPECT_THAT(help, HasSubstr("Usage: " + command)) << command;
  }
}

TEST(CommandLine, HelpFitsOnATerminal) {
  constexpr std::size_t kColumns = 100;
  for (const auto& [command, help] : AllHelp()) {
    for (const std::string& line : std::vector<std::string>(absl::StrSplit(help, '\n'))) {
      EXPECT_LE(line.size(), kColumns) << command << ": " << line;
    }
  }
}

}  // namespace
}  // namespace pollux::ctl
