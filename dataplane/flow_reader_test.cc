#include "dataplane/flow_reader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>

#include "dataplane/core/test_eal.h"
#include "dataplane/tables/tcp_side.h"

namespace pollux {
namespace {

using net::IpProtocol;
using tables::ConnectionTable;

constexpr net::PortId kWeb{1};
constexpr net::PortId kDb{2};
constexpr net::PortId kUplink{3};
constexpr net::Nanos kStart{std::uint64_t{1} << 40};

net::IpAddress Ip(std::string_view text) { return net::IpAddress::Parse(text).value(); }

net::FlowTuple Tuple(IpProtocol protocol, std::string_view from, std::uint16_t from_port,
                     std::string_view to, std::uint16_t to_port) {
  return {.source = Ip(from),
          .destination = Ip(to),
          .source_port = net::Be16(from_port),
          .destination_port = net::Be16(to_port),
          .protocol = protocol,
          .zone = {}};
}

// web to db, to the wire, and to a service that is translated to db.
class FlowReaderTest : public ::testing::Test {
 protected:
  FlowReaderTest() : rcu_(1) {
    core::InitTestEal();
    table_ = ConnectionTable::Create({.capacity = 64, .quota_per_port = 64}, rcu_).value();
    reader_ = std::make_unique<FlowReader>(*table_, rcu_, net::WorkerId{0});
    const auto to_db = Tuple(IpProtocol::kTcp, "10.0.0.1", 1000, "10.0.0.2", 80);
    const auto to_wire = Tuple(IpProtocol::kUdp, "fd00::1", 1001, "2001:db8::9", 53);
    const auto to_service = Tuple(IpProtocol::kTcp, "10.0.0.1", 1002, "10.96.0.1", 443);
    const auto translated = Tuple(IpProtocol::kTcp, "10.0.0.1", 1002, "10.0.0.2", 8443);
    Insert(to_db, to_db, kDb);
    Insert(to_wire, to_wire, kUplink);
    Insert(to_service, translated, kDb);
  }
  void Insert(const net::FlowTuple& original, const net::FlowTuple& translated,
              net::PortId egress) {
    const auto inserted = table_->Insert(
        {.original = original, .translated = translated, .ingress = kWeb, .egress = egress},
        kStart);
    ASSERT_EQ(inserted.result, ConnectionTable::Result::kInserted);
    last_ = inserted.original;
  }
  // The source ports of what matches: they name the connections.
  std::vector<unsigned> Find(const FlowQuery& query) {
    std::vector<unsigned> ports;
    for (const FlowInfo& flow : reader_->List(query, 100, kStart).flows) {
      ports.push_back(flow.original.source_port.value());
    }
    return ports;
  }

  core::Rcu rcu_;
  std::unique_ptr<ConnectionTable> table_;
  std::unique_ptr<FlowReader> reader_;
  tables::Direction* last_ = nullptr;
};

TEST_F(FlowReaderTest, FiltersByWhatEitherDirectionShows) {
  using testing::UnorderedElementsAre;
  const auto host = [](const char* prefix) {
    return FlowQuery{
        .port = {}, .host = net::IpPrefix::Parse(prefix), .protocol = {}, .l4_port = {}};
  };
  const auto l4_port = [](std::uint16_t port) {
    return FlowQuery{.port = {}, .host = {}, .protocol = {}, .l4_port = port};
  };
  EXPECT_THAT(Find({}), UnorderedElementsAre(1000, 1001, 1002));
  EXPECT_THAT(Find({.port = kWeb}), UnorderedElementsAre(1000, 1001, 1002));
  EXPECT_THAT(Find({.port = kDb}), UnorderedElementsAre(1000, 1002));
  EXPECT_THAT(Find({.port = net::PortId{9}}), UnorderedElementsAre());
  EXPECT_THAT(Find(host("10.96.0.0/16")), UnorderedElementsAre(1002));
  EXPECT_THAT(Find(host("10.0.0.2")), UnorderedElementsAre(1000, 1002)) << "after translation, too";
  EXPECT_THAT(Find(host("2001:db8::/32")), UnorderedElementsAre(1001));
  EXPECT_THAT(Find(host("0.0.0.0/0")), UnorderedElementsAre(1000, 1002)) << "of its family only";
  EXPECT_THAT(Find({.port = {}, .host = {}, .protocol = IpProtocol::kUdp, .l4_port = {}}),
              UnorderedElementsAre(1001));
  EXPECT_THAT(Find(l4_port(443)), UnorderedElementsAre(1002));
  EXPECT_THAT(Find(l4_port(8443)), UnorderedElementsAre(1002));
  EXPECT_THAT(Find(l4_port(1000)), UnorderedElementsAre(1000));
}

TEST_F(FlowReaderTest, TellsWhatIsKnownOfAConnection) {
  tables::Connection& connection = tables::ConnectionOf(*last_);
  connection.original.packets.Add(5);
  connection.original.bytes.Add(500);
  connection.cold_original.foreign_packets = 2;
  connection.cold_original.foreign_bytes = 20;
  connection.cold_original.side.Store(tables::TcpSide{.end = 1, .flags = tables::TcpSide::kSyn});
  connection.reply.worker = 0;
  connection.reply.packets.Add(1);
  connection.reply.bytes.Add(60);
  connection.reply.last_seen = tables::TicksOf(net::Nanos{kStart.value() + 1'000'000'000});
  const net::Nanos now{kStart.value() + 3'000'000'000};
  const FlowList list = reader_->List(
      {.port = {}, .host = {}, .protocol = {}, .l4_port = std::uint16_t{443}}, 100, now);
  ASSERT_EQ(list.flows.size(), 1U);
  const FlowInfo& flow = list.flows.front();
  EXPECT_EQ(flow.original, Tuple(IpProtocol::kTcp, "10.0.0.1", 1002, "10.96.0.1", 443));
  EXPECT_EQ(flow.translated, Tuple(IpProtocol::kTcp, "10.0.0.1", 1002, "10.0.0.2", 8443));
  EXPECT_EQ(flow.ingress, kWeb);
  EXPECT_EQ(flow.egress, kDb);
  EXPECT_EQ(flow.state, "syn_sent");
  EXPECT_NEAR(flow.idle_ms, 2000, 3);
  EXPECT_EQ(flow.sent.packets, 7U);
  EXPECT_EQ(flow.sent.bytes, 520U);
  EXPECT_EQ(flow.answered.packets, 1U);
  EXPECT_EQ(flow.answered.bytes, 60U);
}

TEST_F(FlowReaderTest, CountsBeyondTheLimit) {
  const FlowList list = reader_->List({}, 2, kStart);
  EXPECT_EQ(list.flows.size(), 2U);
  EXPECT_EQ(list.matching, 3U);
}

TEST_F(FlowReaderTest, TellsWhetherOthersThanTcpWereAnswered) {
  const FlowQuery udp{.port = {}, .host = {}, .protocol = IpProtocol::kUdp, .l4_port = {}};
  EXPECT_EQ(reader_->List(udp, 1, kStart).flows.at(0).state, "unanswered");
  tables::Direction* reply =
      table_->Find(Tuple(IpProtocol::kUdp, "2001:db8::9", 53, "fd00::1", 1001));
  ASSERT_NE(reply, nullptr);
  reply->worker = 1;
  EXPECT_EQ(reader_->List(udp, 1, kStart).flows.at(0).state, "answered");
}

TEST_F(FlowReaderTest, EndsWhatMatches) {
  EXPECT_EQ(reader_->Flush({.port = kDb}), 2U);
  EXPECT_EQ(table_->size(), 1U);
  EXPECT_THAT(Find({}), testing::ElementsAre(1001));
  EXPECT_EQ(reader_->Flush({.port = kDb}), 0U);
  EXPECT_EQ(reader_->Flush({}), 1U);
  EXPECT_EQ(table_->size(), 0U);
}

}  // namespace
}  // namespace pollux
