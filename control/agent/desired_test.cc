#include "control/agent/desired.h"

#include <absl/strings/str_join.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "control/kubernetes/manifest.h"
#include "control/state/edit.h"

namespace pollux::agent {
namespace {

using testing::SizeIs;

constexpr const char* kCluster = R"(
{"apiVersion": "v1", "kind": "List", "items": [
  {"apiVersion": "v1", "kind": "Node", "metadata": {"name": "here"},
   "spec": {"podCIDRs": ["10.1.0.0/24", "fd00:1::/64"]},
   "status": {"addresses": [{"type": "InternalIP", "address": "192.0.2.1"}]}},
  {"apiVersion": "v1", "kind": "Node", "metadata": {"name": "there"},
   "spec": {"podCIDRs": ["10.2.0.0/24"]}},
  {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web", "namespace": "shop",
   "labels": {"app": "web"}}, "spec": {"nodeName": "here"},
   "status": {"podIPs": [{"ip": "10.1.0.7"}]}},
  {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "web", "namespace": "shop"},
   "spec": {"clusterIP": "10.96.0.1", "selector": {"app": "web"}, "ports": [{"port": 80}]}},
  {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy",
   "metadata": {"name": "deny", "namespace": "shop"}, "spec": {"podSelector": {}}}
]})";

kubernetes::Cluster ClusterOf(const std::string& json) {
  kubernetes::Manifest manifest = kubernetes::ReadManifest("a.json", json);
  EXPECT_TRUE(manifest.problems.empty());
  return manifest.objects;
}

std::string Joined(const auto& values) {
  return absl::StrJoin(values, " ",
                       [](std::string* out, const auto& value) { out->append(value.ToString()); });
}

TEST(Desired, ObjectsBecomeTheSwitchs) {
  Desired desired({.node_name = "here"});
  desired.Update(ClusterOf(kCluster));
  const control::Forwarding& forwarding = desired.state().forwarding;
  ASSERT_THAT(forwarding.services, SizeIs(1));
  const ServiceConfig& service = *forwarding.services.begin()->second.config;
  ASSERT_THAT(service.backends, SizeIs(1));
  EXPECT_EQ(service.backends[0].ip.ToString(), "10.1.0.7");
  EXPECT_TRUE(service.backends[0].local);
  ASSERT_EQ(forwarding.workloads.count("shop/web"), 1U);
  EXPECT_EQ(Joined(forwarding.workloads.at("shop/web").config->addresses), "10.1.0.7");
  ASSERT_EQ(forwarding.policies.count("shop/deny"), 1U);
  for (const control::Object& object : control::ObjectsOf(desired.state())) {
    std::visit([](const auto& o) { EXPECT_EQ(o.owner, control::Owner::kAgent); }, object);
  }
}

TEST(Desired, TheNodeAndTheClusterAroundIt) {
  Desired desired({.node_name = "here", .masquerade = true});
  desired.Update(ClusterOf(kCluster));
  const ClusterConfig& config = desired.state().forwarding.clusters.at("cluster").config;
  EXPECT_EQ(Joined(config.cidrs), "10.1.0.0/24 fd00:1::/64 10.2.0.0/24");
  EXPECT_EQ(Joined(config.node_addresses), "192.0.2.1 10.1.0.1 fd00:1::1");
  EXPECT_EQ(Joined(config.snat_addresses), "192.0.2.1");
  EXPECT_TRUE(config.masquerade);
}

TEST(Desired, FlagsComeBeforeObjects) {
  Desired desired(
      {.node_name = "here",
       .node_ips = {*net::IpAddress::Parse("198.51.100.1"), *net::IpAddress::Parse("2001:db8::1")},
       .cluster_cidrs = {*net::IpPrefix::Parse("10.0.0.0/8")}});
  desired.Update(ClusterOf(kCluster));
  const ClusterConfig& config = desired.state().forwarding.clusters.at("cluster").config;
  EXPECT_EQ(Joined(config.cidrs), "10.0.0.0/8");
  EXPECT_EQ(Joined(config.snat_addresses), "198.51.100.1 2001:db8::1");
}

TEST(Desired, WhatIsEqualIsShared) {
  Desired desired({.node_name = "here"});
  desired.Update(ClusterOf(kCluster));
  const control::Forwarding before = desired.state().forwarding;
  std::string other = kCluster;
  other.replace(other.find("10.2.0.0/24"), 11, "10.3.0.0/24");
  desired.Update(ClusterOf(other));
  const control::Forwarding& after = desired.state().forwarding;
  EXPECT_EQ(after.services.begin()->second.config, before.services.begin()->second.config);
  EXPECT_EQ(after.workloads.begin()->second.config, before.workloads.begin()->second.config);
  EXPECT_EQ(after.policies.begin()->second.config, before.policies.begin()->second.config);
  EXPECT_NE(after.clusters.begin()->second.config, before.clusters.begin()->second.config);
}

}  // namespace
}  // namespace pollux::agent
