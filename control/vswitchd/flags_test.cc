#include "control/vswitchd/flags.h"

#include <gflags/gflags.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <unistd.h>

#include <filesystem>
#include <functional>

namespace pollux::control {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

CommandLine Parse(std::vector<const char*> arguments) {
  const gflags::FlagSaver restore;  // the next line begins from the defaults
  arguments.insert(arguments.begin(), "vswitchd");
  return ParseCommandLine(static_cast<int>(arguments.size()), arguments.data());
}

// The CPUs that this process may use.
std::vector<unsigned> Allowed() {
  cpu_set_t set;
  sched_getaffinity(0, sizeof set, &set);
  std::vector<unsigned> cpus;
  for (unsigned cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
    if (CPU_ISSET(cpu, &set)) {
      cpus.push_back(cpu);
    }
  }
  return cpus;
}

TEST(FlagsTest, Defaults) {
  const CommandLine line = Parse({});
  ASSERT_TRUE(line.run) << line.text;
  EXPECT_EQ(line.exit_code, 0);
  EXPECT_EQ(line.options.run_dir, "/run/pollux");
  EXPECT_EQ(line.options.state_dir, "/var/lib/pollux");
  EXPECT_THAT(line.options.cores, ElementsAre(Allowed().back()));
  EXPECT_EQ(line.options.main_core, Allowed().front());
  EXPECT_FALSE(line.options.no_huge);
  EXPECT_EQ(line.options.memory_mb, 256U);
  EXPECT_EQ(line.options.host_interface, "pollux0");
  EXPECT_EQ(line.options.listen, "");
}

TEST(FlagsTest, Values) {
  const std::string cpu = std::to_string(Allowed().front());
  const struct {
    std::vector<const char*> arguments;
    std::function<bool(const Options&)> holds;
  } rows[] = {
      {{"--run-dir", "/tmp/a"}, [](const Options& o) { return o.run_dir == "/tmp/a"; }},
      {{"--run-dir=/tmp/a"}, [](const Options& o) { return o.run_dir == "/tmp/a"; }},
      {{"--run_dir=/tmp/a"}, [](const Options& o) { return o.run_dir == "/tmp/a"; }},
      {{"--run-dir=/tmp//x/../a/"}, [](const Options& o) { return o.run_dir == "/tmp/a"; }},
      {{"--run-dir=a"},
       [](const Options& o) { return o.run_dir == std::filesystem::current_path() / "a"; }},
      {{"--run-dir=/"}, [](const Options& o) { return o.run_dir == "/"; }},
      {{"--state-dir", "/tmp/s"}, [](const Options& o) { return o.state_dir == "/tmp/s"; }},
      {{"--state-dir", "/a", "--state-dir", "/b"},
       [](const Options& o) { return o.state_dir == "/b"; }},
      {{"--cores", cpu.c_str(), "--main-core", cpu.c_str()},
       [](const Options& o) {
         return o.cores == std::vector{Allowed().front()} && o.main_core == Allowed().front();
       }},
      {{"--no-huge"}, [](const Options& o) { return o.no_huge; }},
      {{"--no-huge=true"}, [](const Options& o) { return o.no_huge; }},
      {{"--no-huge=false"}, [](const Options& o) { return !o.no_huge; }},
      {{"--no-huge", "--memory-mb", "64"},
       [](const Options& o) { return o.no_huge && o.memory_mb == 64; }},
      {{"--host-interface", "none"}, [](const Options& o) { return o.host_interface.empty(); }},
      {{"--host-interface=plx1"}, [](const Options& o) { return o.host_interface == "plx1"; }},
      {{"--listen", "[::1]:7", "--tls-cert", "/c", "--tls-key", "/k", "--tls-ca", "/a"},
       [](const Options& o) {
         return o.listen == "[::1]:7" && o.tls_cert == "/c" && o.tls_key == "/k" &&
                o.tls_ca == "/a";
       }},
      {{"--flow-entries", "7", "--pickup-seconds", "0"},
       [](const Options& o) { return o.flow_entries == 7 && o.pickup_seconds == 0; }},
      {{}, [](const Options& o) { return o.flow_entries == 262144 && o.pickup_seconds == 60; }},
      {{"--flow-timeouts", "tcp-established=3600,icmp=1"},
       [](const Options& o) {
         return o.flow_timeouts.tcp_established == 3600 && o.flow_timeouts.icmp == 1 &&
                o.flow_timeouts.udp_answered == 120;
       }},
      {{"--policy-on-established", "keep"},
       [](const Options& o) { return o.on_policy_change == OnPolicyChange::kKeepEstablished; }},
      {{"--policy-on-established=judge"},
       [](const Options& o) { return o.on_policy_change == OnPolicyChange::kJudgeEstablished; }},
      {{"--flow-timeouts=other=1728000"},
       [](const Options& o) { return o.flow_timeouts.other == 1728000; }},
  };
  for (const auto& row : rows) {
    const CommandLine line = Parse(row.arguments);
    EXPECT_TRUE(line.run && row.holds(line.options))
        << testing::PrintToString(row.arguments) << line.text;
  }
}

TEST(FlagsTest, BadUsageExitsWithTwo) {
  const struct {
    std::vector<const char*> arguments;
    std::string error;
  } rows[] = {
      {{"start"}, "unexpected argument start"},
      {{""}, "unexpected argument "},
      {{"-v"}, "unexpected argument -v"},
      {{"--no-huge", "true"}, "unexpected argument true"},
      {{"--bogus"}, "unknown flag --bogus"},
      {{"--v=3"}, "unknown flag --v"},
      {{"--flagfile=/etc/passwd"}, "unknown flag --flagfile"},
      {{"--"}, "unknown flag --"},
      {{"--run-dir"}, "--run-dir needs a value"},
      {{"--run-dir", ""}, "--run-dir: must not be empty"},
      {{"--state-dir="}, "--state-dir: must not be empty"},
      {{"--memory-mb", "many"}, "--memory-mb: many is not of its type"},
      {{"--memory-mb=99999999999"}, "--memory-mb: 99999999999 is not of its type"},
      {{"--memory-mb=0"}, "--memory-mb: must be above 0"},
      {{"--memory-mb", "-1"}, "--memory-mb: must be above 0"},
      {{"--no-huge=maybe"}, "--no-huge: maybe is not of its type"},
      {{"--flow-entries=0"}, "--flow-entries: must be above 0 and at most 400000000"},
      {{"--flow-entries=400000001"}, "--flow-entries: must be above 0 and at most 400000000"},
      {{"--pickup-seconds=-1"}, "--pickup-seconds: must not be below 0"},
      {{"--flow-timeouts=udp=9"},
       "--flow-timeouts: \"udp\" is none of tcp-opening, tcp-established, "
       "tcp-half-closed, tcp-closing, tcp-closed, sctp-heartbeat-sent, "
       "sctp-cookie-wait, sctp-cookie-echoed, sctp-established, sctp-shutdown, "
       "sctp-closed, udp-unanswered, udp-answered, icmp, other"},
      {{"--policy-on-established=no"}, "--policy-on-established: \"no\" is neither judge nor keep"},
      {{"--flow-timeouts=icmp"},
       "--flow-timeouts: \"icmp\" must be NAME=SECONDS, from 1 to 1728000"},
      {{"--flow-timeouts=icmp=0"},
       "--flow-timeouts: \"icmp=0\" must be NAME=SECONDS, from 1 to 1728000"},
      {{"--flow-timeouts=icmp=1728001"},
       "--flow-timeouts: \"icmp=1728001\" must be NAME=SECONDS, from 1 to 1728000"},
      {{"--flow-timeouts=icmp=5s"},
       "--flow-timeouts: \"icmp=5s\" must be NAME=SECONDS, from 1 to 1728000"},
      {{"--flow-timeouts=icmp=1=2"},
       "--flow-timeouts: \"icmp=1=2\" must be NAME=SECONDS, from 1 to 1728000"},
      {{"--main-core=-2"}, "--main-core: must not be below 0"},
      {{"--main-core=1023"}, "--main-core: CPU 1023 does not exist or vswitchd may not use it"},
      {{"--cores=1023"}, "--cores: CPU 1023 does not exist or vswitchd may not use it"},
      {{"--cores=1-"}, "--cores: \"1-\" is no list such as 2,4-7"},
  };
  for (const auto& row : rows) {
    SCOPED_TRACE(row.error);
    const CommandLine line = Parse(row.arguments);
    EXPECT_FALSE(line.run);
    EXPECT_EQ(line.exit_code, 2);
    EXPECT_EQ(line.text, "vswitchd: " + row.error + "; see vswitchd --help\n");
  }
}

TEST(FlagsTest, HelpNamesEveryFlagAndExitsWithZero) {
  for (const auto& arguments : std::vector<std::vector<const char*>>{
           {"--help"}, {"-h"}, {"--memory-mb=64", "--help"}, {"--bogus", "--help"}}) {
    const CommandLine line = Parse(arguments);
    EXPECT_FALSE(line.run);
    EXPECT_EQ(line.exit_code, 0);
    for (const char* flag :
         {"--run-dir", "--state-dir", "--cores", "--main-core", "--no-huge", "--memory-mb",
          "--host-interface", "--flow-entries", "--pickup-seconds", "--flow-timeouts",
          "--policy-on-established", "--listen", "--tls-cert", "--tls-key", "--tls-ca"}) {
      EXPECT_THAT(line.text, HasSubstr("\n  " + std::string(flag) + " ")) << flag;
    }
    EXPECT_THAT(line.text, HasSubstr("\n  --help, --version\n"));
  }
}

TEST(FlagsTest, VersionExitsWithZero) {
  const CommandLine line = Parse({"--version"});
  EXPECT_FALSE(line.run);
  EXPECT_EQ(line.exit_code, 0);
  EXPECT_THAT(line.text, testing::MatchesRegex("vswitchd [0-9]+\\.[0-9]+\\.[0-9]+\n"));
}

TEST(ParseCoresTest, Lists) {
  EXPECT_THAT(ParseCores("3").value(), ElementsAre(3U));
  EXPECT_THAT(ParseCores("1,3-5").value(), ElementsAre(1U, 3U, 4U, 5U));
  EXPECT_THAT(ParseCores("5,2").value(), ElementsAre(5U, 2U)) << "in the order given";
  EXPECT_THAT(ParseCores("1022-1023").value(), ElementsAre(1022U, 1023U));
}

TEST(ParseCoresTest, Doubts) {
  for (const std::string list :
       {"", ",", "1,", "-", "-1", "1-", "1-2-3", "3-1", "a", "1;2", "0x1", "1024", "4294967296"}) {
    EXPECT_EQ(ParseCores(list).status(),
              absl::InvalidArgumentError("--cores: \"" + list + "\" is no list such as 2,4-7"));
  }
  EXPECT_EQ(ParseCores("1,0-2").status(),
            absl::InvalidArgumentError("--cores: CPU 1 is given twice"));
}

}  // namespace
}  // namespace pollux::control
