#include "control/kubernetes/decode.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace pollux::kubernetes {
namespace {

Decoded Decode(const std::string& text) {
  Decoded decoded;
  DecodeDocument(Json::parse(text), decoded);
  return decoded;
}

std::string Policy(const std::string& ingress_rule) {
  return R"({"apiVersion":"networking.k8s.io/v1","kind":"NetworkPolicy","metadata":{"name":"p"},
             "spec":{"podSelector":{},"ingress":[)" +
         ingress_rule + "]}}";
}

std::string ServiceOf(const std::string& spec) {
  return R"({"apiVersion":"v1","kind":"Service","metadata":{"name":"s"},"spec":)" + spec + "}";
}

struct Wrong {
  const char* sentence;
  std::string text;
  const char* field;
  const char* part;
};

TEST(Decode, NamesTheFieldThatIsWrong) {
  const Wrong rows[] = {
      {"endPort beyond 65535", Policy(R"({"ports":[{"port":1},{"port":80,"endPort":70000}]})"),
       "spec.ingress[0].ports[1].endPort", "70000 is not a port"},
      {"endPort below port", Policy(R"({"ports":[{"port":80,"endPort":79}]})"),
       "spec.ingress[0].ports[0].endPort", "below"},
      {"endPort of a named port", Policy(R"({"ports":[{"port":"web","endPort":79}]})"),
       "spec.ingress[0].ports[0].endPort", "needs a port that is a number"},
      {"except outside cidr",
       Policy(R"({"from":[{"ipBlock":{"cidr":"10.0.0.0/8","except":["11.0.0.0/16"]}}]})"),
       "spec.ingress[0].from[0].ipBlock.except[0]", "not strictly inside"},
      {"an empty peer", Policy(R"({"from":[{}]})"), "spec.ingress[0].from[0]", "is empty"},
      {"In without values",
       Policy(R"({"from":[{"podSelector":{"matchExpressions":[{"key":"a","operator":"In"}]}}]})"),
       "spec.ingress[0].from[0].podSelector.matchExpressions[0].values", "need values"},
      {"an unknown protocol", Policy(R"({"ports":[{"protocol":"ICMP"}]})"),
       "spec.ingress[0].ports[0].protocol", "none of TCP, UDP, SCTP"},
      {"no clusterIP", ServiceOf(R"({"ports":[{"port":80}]})"), "spec.clusterIP", "is missing"},
      {"no nodePort",
       ServiceOf(R"({"type":"NodePort","clusterIP":"10.96.0.1","ports":[{"port":80}]})"),
       "spec.ports[0].nodePort", "is missing"},
      {"a number as a label",
       R"({"apiVersion":"v1","kind":"Namespace","metadata":{"name":"n","labels":{"a":8080}}})",
       "metadata.labels.a", "quote it"},
      {"no name", R"({"apiVersion":"v1","kind":"Namespace"})", "metadata.name", "is missing"},
      {"no kind", R"({"apiVersion":"v1"})", "kind", "is missing"},
      {"not a map", "[1]", "", "not a map"},
  };
  for (const Wrong& row : rows) {
    SCOPED_TRACE(row.sentence);
    const Decoded decoded = Decode(row.text);
    EXPECT_EQ(decoded.cluster, Cluster{});
    ASSERT_EQ(decoded.problems.size(), 1U);
    EXPECT_EQ(decoded.problems[0].field, row.field);
    EXPECT_THAT(decoded.problems[0].text, ::testing::HasSubstr(row.part));
  }
}

TEST(Decode, AServiceWithoutAddressIsHeadlessOrAName) {
  const Decoded headless = Decode(ServiceOf(R"({"clusterIP":"None"})"));
  EXPECT_TRUE(headless.cluster.services.at({"default", "s"}).headless);
  const Decoded name = Decode(ServiceOf(R"({"type":"ExternalName","externalName":"a.b"})"));
  EXPECT_EQ(name.cluster.services.at({"default", "s"}).external_name, "a.b");
}

TEST(Decode, ItemsOfAKindsOwnListInheritTheKind) {
  const Decoded decoded = Decode(
      R"({"apiVersion":"v1","kind":"PodList","items":[{"metadata":{"name":"a"}},
          {"metadata":{"name":"b"}}]})");
  EXPECT_EQ(decoded.cluster.pods.size(), 2U);
}

TEST(Decode, ListsWhatItIgnores) {
  const Decoded decoded = Decode(
      R"({"apiVersion":"v1","kind":"List","items":[{"apiVersion":"apps/v1","kind":"Deployment"}]})");
  EXPECT_THAT(decoded.ignored, ::testing::ElementsAre("apps/v1 Deployment"));
  EXPECT_TRUE(decoded.problems.empty());
}

TEST(Decode, AgeOfAServiceAndHintsOfItsEndpoints) {
  const Decoded decoded = Decode(R"({"kind":"List","apiVersion":"v1","items":[
      {"apiVersion":"v1","kind":"Service",
       "metadata":{"name":"s","creationTimestamp":"2026-01-02T03:04:05Z"},
       "spec":{"clusterIP":"10.96.0.1","ports":[{"port":80}]}},
      {"apiVersion":"discovery.k8s.io/v1","kind":"EndpointSlice","metadata":{"name":"e"},
       "addressType":"IPv4","endpoints":[{"addresses":["10.0.0.1"],"hints":{
         "forZones":[{"name":"z1"},{"name":"z2"}],"forNodes":[{"name":"n1"}]}}]}]})");
  ASSERT_TRUE(decoded.problems.empty());
  EXPECT_EQ(decoded.cluster.services.begin()->second.created, "2026-01-02T03:04:05Z");
  const Endpoint& endpoint = decoded.cluster.endpoint_slices.begin()->second.endpoints.at(0);
  EXPECT_THAT(endpoint.hinted_zones, testing::ElementsAre("z1", "z2"));
  EXPECT_THAT(endpoint.hinted_nodes, testing::ElementsAre("n1"));
}

TEST(Objects, SayWhatAbsenceMeans) {
  EXPECT_EQ(NamespaceLabels({}, "x"), (Labels{{"kubernetes.io/metadata.name", "x"}}));
  EXPECT_TRUE(IsReady({}));
  EXPECT_TRUE(IsLocal({}, "a"));
  Pod elsewhere;
  elsewhere.node_name = "b";
  elsewhere.ready = false;
  EXPECT_FALSE(IsLocal(elsewhere, "a"));
  EXPECT_FALSE(IsReady(elsewhere));
}

}  // namespace
}  // namespace pollux::kubernetes
