#include "control/vswitchctl/document.h"

#include <gmock/gmock.h>

#include "control/vswitchctl/api.h"
#include "control/vswitchctl/config_file.h"

namespace pollux::ctl {
namespace {

using testing::HasSubstr;

api::ListRoutesReply Routes() {
  api::ListRoutesReply reply;
  reply.set_revision(1ULL << 53U);
  api::Route* route = reply.add_items();
  route->set_prefix("10.0.0.0/8");
  route->set_port("no");  // YAML 1.1 takes that for false
  route->mutable_status()->set_live(true);
  return reply;
}

TEST(Document, JsonHasEveryFieldIn64BitsAsText) {
  EXPECT_EQ(ToJsonLine(Routes()),
            "{\"revision\":\"9007199254740992\",\"items\":[{\"prefix\":\"10.0.0.0/8\",\"owner\":"
            "\"\",\"via\":\"\",\"port\":\"no\",\"status\":{\"live\":true}}]}\n");
  EXPECT_EQ(ToJsonLine(api::ListPortsReply()), "{\"revision\":\"0\",\"items\":[]}\n");
}

TEST(Document, YamlIsTheSameData) {
  EXPECT_EQ(ToYaml(Routes()), R"(revision: "9007199254740992"
items:
  - prefix: "10.0.0.0/8"
    owner: ""
    via: ""
    port: "no"
    status:
      live: true
)");
  EXPECT_EQ(ToYaml(api::ListPortsReply()), "revision: \"0\"\nitems: []\n");
}

TEST(Document, BothAreReadBack) {
  for (const std::string& text : {ToJson(Routes()), ToJsonLine(Routes()), ToYaml(Routes())}) {
    const auto value = ParseDocument(text);
    ASSERT_TRUE(value.ok()) << value.status();
    api::ListRoutesReply reply;
    ASSERT_EQ(FromValue(*value, &reply), absl::OkStatus()) << text;
    EXPECT_EQ(reply.SerializeAsString(), Routes().SerializeAsString()) << text;
  }
}

TEST(ConfigFile, WhatPeopleWriteIsRead) {
  const auto config = ParseConfig(R"(
# two objects and one that is not ours
- port: {name: vm, mtu: 9000, vhostUser: {socket: /run/vm.sock, socketMode: 0660}}
- endpoint:
    name: 7
    port: vm
    ip: [10.0.0.1, "fd00::1"]
- port: {name: pollux0, owner: switch, tap: {}}
)");
  ASSERT_TRUE(config.ok()) << config.status();
  ASSERT_EQ(config->objects.size(), 2U);
  EXPECT_EQ(config->objects[0].ShortDebugString(),
            "port { name: \"vm\" mtu: 9000 vhost_user { socket: \"/run/vm.sock\" socket_mode: "
            "\"0660\" } }");
  EXPECT_EQ(config->objects[1].ShortDebugString(),
            "endpoint { name: \"7\" port: \"vm\" ip: \"10.0.0.1\" ip: \"fd00::1\" }");
  EXPECT_EQ(config->left_out, (std::map<std::string, unsigned>{{"switch", 1}}));
}

TEST(ConfigFile, ErrorsNameTheObject) {
  struct Row {
    const char* text;
    const char* error;
  };
  const Row rows[] = {
      {"", "neither a list of objects nor {\"items\": [...]}"},
      {"items: 3", "\"items\" is missing or no list"},
      {"revision: 3", "\"items\" is missing or no list"},
      {"item: []", "unknown field \"item\""},
      {"- port: {name: a}\n- port: {name: b, mtuu: 3}", "items[1] (port \"b\"): (port) mtuu"},
      {"- port: {name: b, mtu: big}", "items[0] (port \"b\"): (port.mtu)"},
      {"- route: {prefix: 10.0.0.0/8, nope: 1}", "items[0] (route \"10.0.0.0/8\")"},
      {"- {}", "items[0]: is none of port, endpoint, route, service, workload, policy, cluster"},
      {"- tunnel: {name: t}", "items[0] (tunnel \"t\")"},
      {"items:\n  - port: {name: x\n - ", "line 3, column"},
      {"{\"items\": [{\"port\"", "line 1, column"},
  };
  for (const Row& row : rows) {
    EXPECT_THAT(std::string(ParseConfig(row.text).status().message()), HasSubstr(row.error))
        << row.text;
  }
}

TEST(ConfigFile, AJsonFileMayHoldTabs) {
  EXPECT_TRUE(ParseConfig("{\n\t\"items\": [\n\t\t{\"port\": {\"name\": \"a\"}}\n\t]\n}").ok());
}

}  // namespace
}  // namespace pollux::ctl
