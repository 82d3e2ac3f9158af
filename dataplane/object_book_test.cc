#include "dataplane/object_book.h"

#include <gtest/gtest.h>

#include <string>

namespace pollux {
namespace {

using core::Epochs;

net::IpAddress Ip(const char* text) { return net::IpAddress::Parse(text).value(); }
net::IpPrefix Prefix(const char* text) { return net::IpPrefix::Parse(text).value(); }

class ObjectBookTest : public testing::Test {
 protected:
  // What becomes of a decision that was made from the object, when the configuration changes.
  Epochs::Age AgeAfter(net::ObjectId object, const ForwardingConfig& next) {
    const Epochs::Sum kept = epochs_.Of(object);
    EXPECT_TRUE(book_.Admit(next).ok());
    book_.Settle(config_, next);
    config_ = next;
    return Epochs::Compare(kept, epochs_.Of(object));
  }
  void Start(const ForwardingConfig& config) {
    ASSERT_TRUE(book_.Admit(config).ok());
    book_.Settle({}, config);
    config_ = config;
  }
  static EndpointConfig Endpoint(const char* name, const char* ip) {
    return {.name = name, .port = net::PortId{1}, .mac = {}, .addresses = {Ip(ip)}};
  }
  static RouteConfig Route(const char* prefix, std::uint16_t port = 2) {
    return {.prefix = Prefix(prefix), .via = {}, .port = net::PortId{port}};
  }

  Epochs epochs_{16};
  AdjacencyIds adjacencies_;
  ObjectBook book_{epochs_, adjacencies_};
  ForwardingConfig config_;
};

TEST_F(ObjectBookTest, WhatChangesIsClosedAndWhatDoesNotStaysFresh) {
  ForwardingConfig config{.endpoints = {Endpoint("a", "10.0.0.1"), Endpoint("b", "10.0.0.2")},
                          .routes = {Route("10.0.0.0/8"), Route("10.1.0.0/16")}};
  Start(config);
  const net::ObjectId a = book_.OfEndpoint("a").object;
  const net::ObjectId wide = book_.OfRoute(Prefix("10.0.0.0/8"));
  EXPECT_NE(a, book_.OfEndpoint("b").object);
  config.endpoints[1].open = false;
  EXPECT_EQ(AgeAfter(a, config), Epochs::Age::kFresh);
  config.endpoints[0].open = false;
  EXPECT_EQ(AgeAfter(a, config), Epochs::Age::kClosed);
  config.routes[1].port = net::PortId{3};
  EXPECT_EQ(AgeAfter(wide, config), Epochs::Age::kFresh);
  config.routes[0].port = net::PortId{3};
  EXPECT_EQ(AgeAfter(wide, config), Epochs::Age::kClosed);
}

TEST_F(ObjectBookTest, ALongerPrefixOrAnEndpointTakesFromTheRouteAroundIt) {
  ForwardingConfig config{.endpoints = {}, .routes = {Route("10.0.0.0/8"), Route("10.1.0.0/16")}};
  Start(config);
  const net::ObjectId wide = book_.OfRoute(Prefix("10.0.0.0/8"));
  const net::ObjectId narrow = book_.OfRoute(Prefix("10.1.0.0/16"));
  const Epochs::Sum kept = epochs_.Of(wide);
  config.endpoints = {Endpoint("a", "10.1.0.1")};
  EXPECT_EQ(AgeAfter(narrow, config), Epochs::Age::kClosed);
  EXPECT_EQ(epochs_.Of(wide), kept) << "nothing went that way";
  config.routes.push_back(Route("10.2.0.0/16"));
  EXPECT_EQ(AgeAfter(wide, config), Epochs::Age::kClosed);
}

TEST_F(ObjectBookTest, NumbersAreGivenBackAndTheirNextBearersAreStaleForTheLast) {
  Start({.endpoints = {Endpoint("a", "10.0.0.1")}, .routes = {}});
  const ObjectBook::EndpointIds before = book_.OfEndpoint("a");
  EXPECT_EQ(AgeAfter(before.object, {}), Epochs::Age::kClosed);
  EXPECT_EQ(epochs_.in_use(), 0U);
  Start({.endpoints = {Endpoint("b", "10.0.0.1")}, .routes = {}});
  EXPECT_EQ(book_.OfEndpoint("b").object, before.object);
  EXPECT_NE(book_.OfEndpoint("b").adjacency, before.adjacency) << "of another generation";
}

TEST_F(ObjectBookTest, TooManyAreRefusedAndGiveBackWhatTheyTook) {
  ForwardingConfig config;
  for (int i = 0; i < 20; ++i) {
    config.endpoints.push_back(Endpoint(std::to_string(i).c_str(), "10.0.0.1"));
  }
  const absl::Status status = book_.Admit(config);
  EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted);
  book_.Settle(config_, config_);
  EXPECT_EQ(epochs_.in_use(), 0U);
}

}  // namespace
}  // namespace pollux
