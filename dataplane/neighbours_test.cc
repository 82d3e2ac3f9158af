#include "dataplane/neighbours.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace pollux {
namespace {

using stages::NeighbourEvent;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr net::PortId kUplink{4};
constexpr net::MacAddress kMac = {{2, 0, 0, 0, 0, 0x99}};
constexpr net::MacAddress kNewMac = {{2, 0, 0, 0, 0, 0x98}};

class NeighboursTest : public ::testing::Test {
 protected:
  static net::IpAddress Ip(const char* text) { return net::IpAddress::Parse(text).value(); }

  void Want(const net::IpAddress& ip, net::PortId port = kUplink) {
    manager_.Handle({NeighbourEvent::Kind::kWanted, port, ip, {}}, now_);
  }
  void Learn(const net::IpAddress& ip, const net::MacAddress& mac = kMac) {
    manager_.Handle({NeighbourEvent::Kind::kLearned, kUplink, ip, mac}, now_);
  }
  // Lets the seconds pass one by one; what was asked meanwhile.
  std::vector<NeighbourManager::Solicitation> Pass(unsigned seconds) {
    for (unsigned i = 0; i < seconds; ++i) {
      now_ = net::Nanos{now_.value() + 1'000'000'000};
      manager_.Tick(now_);
    }
    return manager_.TakeSolicitations();
  }
  // As the switch publishes it; "" if it has no entry.
  std::string Published(const net::IpAddress& ip) {
    if (manager_.TakeChanged()) {
      table_ = manager_.Table();
    }
    const tables::Neighbour* n = table_->Find(kUplink, ip);
    return n == nullptr ? "" : n->failed ? "failed" : n->mac.ToString();
  }
  void Use(const net::IpAddress& ip) { table_->MarkUsed(*table_->Find(kUplink, ip)); }

  const net::IpAddress router_ = Ip("192.0.2.9");
  const NeighbourManager::Solicitation question_{kUplink, router_};
  AdjacencyIds adjacencies_;
  NeighbourManager manager_{adjacencies_};
  net::Nanos now_{5'000'000'000};
  std::shared_ptr<const tables::NeighbourTable> table_ =
      std::make_shared<const tables::NeighbourTable>();
};

TEST_F(NeighboursTest, AnswerMakesAWantedNeighbourReachable) {
  Want(router_);
  EXPECT_EQ(Published(router_), "");
  EXPECT_EQ(manager_.List().at(0).state, "resolving");
  Learn(router_);
  EXPECT_EQ(Published(router_), kMac.ToString());
  EXPECT_EQ(manager_.List().at(0).state, "reachable");
  EXPECT_FALSE(manager_.TakeChanged());
}

TEST_F(NeighboursTest, UnwantedAnswersAreIgnored) {
  Learn(router_);
  EXPECT_FALSE(manager_.TakeChanged());
  EXPECT_THAT(manager_.List(), IsEmpty());
}

TEST_F(NeighboursTest, AsksThreeTimesInAllThenFailsThenForgets) {
  Want(router_);
  EXPECT_THAT(manager_.TakeSolicitations(), IsEmpty()) << "the worker has asked";
  EXPECT_THAT(Pass(1), ElementsAre(question_));
  Want(router_);  // another worker: no new start
  EXPECT_THAT(Pass(1), ElementsAre(question_));
  EXPECT_EQ(Published(router_), "");
  EXPECT_THAT(Pass(1), IsEmpty());
  EXPECT_EQ(Published(router_), "failed");
  EXPECT_EQ(manager_.List().at(0).state, "failed");
  EXPECT_THAT(Pass(4), IsEmpty());
  EXPECT_EQ(Published(router_), "failed");
  EXPECT_THAT(Pass(1), IsEmpty());
  EXPECT_EQ(Published(router_), "");
  EXPECT_THAT(manager_.List(), IsEmpty());
  Want(router_);
  EXPECT_THAT(Pass(1), ElementsAre(question_));
}

TEST_F(NeighboursTest, AFailedNeighbourThatAnswersIsReachable) {
  Want(router_);
  Pass(3);
  ASSERT_EQ(Published(router_), "failed");
  Learn(router_);
  EXPECT_EQ(Published(router_), kMac.ToString());
}

TEST_F(NeighboursTest, MovesWithItsAnnouncement) {
  Want(router_);
  Learn(router_);
  Published(router_);
  Learn(router_, kNewMac);
  EXPECT_EQ(Published(router_), kNewMac.ToString());
}

TEST_F(NeighboursTest, WhatIsNotUsedIsForgottenUnasked) {
  Want(router_);
  Learn(router_);
  Published(router_);
  EXPECT_THAT(Pass(29), IsEmpty());
  EXPECT_EQ(Published(router_), kMac.ToString());
  EXPECT_THAT(Pass(1), IsEmpty());
  EXPECT_EQ(Published(router_), "");
}

TEST_F(NeighboursTest, WhatIsUsedIsConfirmedWithoutAGap) {
  Want(router_);
  Learn(router_);
  Published(router_);
  Use(router_);
  EXPECT_THAT(Pass(30), ElementsAre(question_));
  EXPECT_EQ(Published(router_), kMac.ToString());
  Learn(router_);
  EXPECT_FALSE(manager_.TakeChanged()) << "the same: nothing to publish";
  EXPECT_THAT(Pass(29), IsEmpty());
  EXPECT_EQ(Published(router_), kMac.ToString());
}

TEST_F(NeighboursTest, UseIsRememberedAcrossTables) {
  Want(router_);
  Learn(router_);
  Published(router_);
  Use(router_);
  Want(Ip("192.0.2.10"));
  Learn(Ip("192.0.2.10"));  // a new table, with marks of its own
  Published(router_);
  EXPECT_THAT(Pass(30), ElementsAre(question_));
}

TEST_F(NeighboursTest, WhatDoesNotConfirmIsForgotten) {
  Want(router_);
  Learn(router_);
  Published(router_);
  Use(router_);
  EXPECT_THAT(Pass(32), ElementsAre(question_, question_, question_));
  EXPECT_EQ(Published(router_), kMac.ToString()) << "usable meanwhile";
  EXPECT_THAT(Pass(1), IsEmpty());
  EXPECT_EQ(Published(router_), "");
}

TEST_F(NeighboursTest, BoundedPerPort) {
  for (std::uint32_t i = 0; i <= NeighbourManager::kMostPerPort; ++i) {
    Want(net::Ipv4Address::FromHost(0xc6120000 + i));
  }
  EXPECT_EQ(manager_.List().size(), NeighbourManager::kMostPerPort);
  Want(router_, net::PortId(5));
  EXPECT_EQ(manager_.List().size(), NeighbourManager::kMostPerPort + 1) << "another port";
}

TEST_F(NeighboursTest, ForgetsAPort) {
  Want(router_);
  Learn(router_);
  Published(router_);
  manager_.ForgetPort(kUplink);
  EXPECT_EQ(Published(router_), "");
  EXPECT_THAT(Pass(40), IsEmpty());
}

}  // namespace
}  // namespace pollux
