#include "control/agent/flags.h"

#include <gflags/gflags.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace pollux::agent {
namespace {

using testing::HasSubstr;
using testing::SizeIs;

CommandLine Parse(std::vector<const char*> arguments) {
  const gflags::FlagSaver restore;  // the next line begins from the defaults
  arguments.insert(arguments.begin(), "vswitch-agent");
  return ParseCommandLine(static_cast<int>(arguments.size()), arguments.data());
}

TEST(AgentFlags, Values) {
  const CommandLine line =
      Parse({"--manifests", "/m/", "--node-name", "n", "--node-ip", "192.0.2.1,fd00::1",
             "--cluster-cidr=10.0.0.0/8", "--snat-ports", "1000-2000", "--masquerade"});
  ASSERT_TRUE(line.run) << line.text;
  EXPECT_EQ(line.options.manifests, "/m");
  EXPECT_EQ(line.options.node_name, "n");
  EXPECT_THAT(line.options.node_ips, SizeIs(2));
  EXPECT_THAT(line.options.cluster_cidrs, SizeIs(1));
  EXPECT_EQ(line.options.snat_first_port, 1000);
  EXPECT_EQ(line.options.snat_last_port, 2000);
  EXPECT_TRUE(line.options.masquerade);
  EXPECT_FALSE(line.options.allow_external_ips);
}

TEST(AgentFlags, WhatIsWrongIsNamed) {
  const struct {
    std::vector<const char*> arguments;
    const char* text;
  } rows[] = {
      {{}, "--manifests: a directory must be given"},
      {{"--manifests", "/m", "--node-ip", "x"}, "--node-ip: \"x\" is not an IP address"},
      {{"--manifests", "/m", "--cluster-cidr", "10.0.0.1/8"}, "--cluster-cidr: \"10.0.0.1/8\""},
      {{"--manifests", "/m", "--snat-ports", "9-1"}, "--snat-ports: \"9-1\" is no range"},
      {{"--manifests", "/m", "--snat-ports", "1-70000"}, "is no range"},
      {{"--what"}, "unknown flag --what"},
      {{"stray"}, "unexpected argument stray"},
      {{"--manifests"}, "--manifests needs a value"},
  };
  for (const auto& row : rows) {
    const CommandLine line = Parse(row.arguments);
    EXPECT_FALSE(line.run) << row.text;
    EXPECT_EQ(line.exit_code, 2) << row.text;
    EXPECT_THAT(line.text, HasSubstr(row.text));
    EXPECT_THAT(line.text, HasSubstr("see vswitch-agent --help"));
  }
}

TEST(AgentFlags, HelpAndVersionEndWell) {
  EXPECT_THAT(Parse({"--help"}).text, HasSubstr("--nodeport-addresses"));
  EXPECT_EQ(Parse({"--help"}).exit_code, 0);
  EXPECT_THAT(Parse({"--version"}).text, HasSubstr("vswitch-agent "));
}

}  // namespace
}  // namespace pollux::agent
