#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "test/packet/decode.h"
#include "test/packet/rows.h"

namespace pollux::stages::testing {
namespace {

OffloadedFrame FrameOf(const std::variant<Bytes, OffloadedFrame>& frame) {
  const auto* plain = std::get_if<Bytes>(&frame);
  return plain != nullptr ? OffloadedFrame{*plain, {}} : std::get<OffloadedFrame>(frame);
}

void Enqueue(vhost::FakePort& port, const In& in) {
  if (const auto* reason = std::get_if<core::DropReason>(&in.what)) {
    port.EnqueueDropped(*reason);
    return;
  }
  const auto* plain = std::get_if<Bytes>(&in.what);
  const OffloadedFrame frame =
      plain != nullptr ? OffloadedFrame{*plain, {}} : std::get<OffloadedFrame>(in.what);
  // In two pieces, so that headers may lie in both.
  const std::size_t cut = frame.bytes.size() / 3;
  port.Enqueue({frame.bytes, frame.offload},
               cut == 0 ? std::vector<std::size_t>{} : std::vector<std::size_t>{cut});
}

bool Same(const OffloadedFrame& a, const OffloadedFrame& b) {
  return a.bytes == b.bytes && a.offload == b.offload;
}

std::string WhereTheyDiffer(const Bytes& a, const Bytes& b) {
  const auto [at, other] = std::mismatch(a.begin(), a.end(), b.begin(), b.end());
  return "first difference at byte " + std::to_string(at - a.begin());
}

void ExpectSent(PacketSwitch& packet_switch, const Step& step) {
  for (const net::PortId port : {kPod1, kPod2, kHost, kUplink}) {
    const std::string name = packet_switch.port(port).spec().name;
    std::vector<OffloadedFrame> expected;
    for (const Out& out : step.out) {
      if (out.port == port) {
        expected.push_back(FrameOf(out.frame));
      }
    }
    const auto sent = packet_switch.port(port).TakeSent();
    for (std::size_t i = 0; i < std::max(sent.size(), expected.size()); ++i) {
      const OffloadedFrame got =
          i < sent.size() ? OffloadedFrame{sent[i].bytes, sent[i].offload} : OffloadedFrame{};
      const OffloadedFrame want = i < expected.size() ? expected[i] : OffloadedFrame{};
      EXPECT_TRUE(Same(got, want))
          << name << ", frame " << i << "\n  expected  " << Decode(want) << "\n  was sent  "
          << Decode(got) << "\n  " << WhereTheyDiffer(got.bytes, want.bytes);
    }
  }
}

class PacketTest : public ::testing::TestWithParam<PacketRow> {};

TEST_P(PacketTest, Row) {
  const PacketRow& row = GetParam();
  PacketSwitch packet_switch(row.options);
  if (row.prepare) {
    row.prepare(packet_switch);
  }
  for (std::size_t i = 0; i < row.steps.size(); ++i) {
    SCOPED_TRACE("step " + std::to_string(i));
    const Step& step = row.steps[i];
    packet_switch.Advance(step.after_milliseconds);
    for (const In& in : step.in) {
      Enqueue(packet_switch.port(in.port), in);
    }
    packet_switch.Run();
    ExpectSent(packet_switch, step);
    EXPECT_EQ(packet_switch.Imbalance(), 0) << "received + generated - (sent + answered + dropped)";
  }
  EXPECT_EQ(packet_switch.Drops(), row.drops);
}

std::string NameOf(const ::testing::TestParamInfo<PacketRow>& info) { return info.param.sentence; }

INSTANTIATE_TEST_SUITE_P(Forwarding, PacketTest, ::testing::ValuesIn(ForwardingRows()), NameOf);
INSTANTIATE_TEST_SUITE_P(Neighbours, PacketTest, ::testing::ValuesIn(NeighbourRows()), NameOf);
INSTANTIATE_TEST_SUITE_P(Errors, PacketTest, ::testing::ValuesIn(ErrorRows()), NameOf);
INSTANTIATE_TEST_SUITE_P(LargeFrames, PacketTest, ::testing::ValuesIn(LargeFrameRows()), NameOf);
INSTANTIATE_TEST_SUITE_P(Drops, PacketTest, ::testing::ValuesIn(DropRows()), NameOf);
INSTANTIATE_TEST_SUITE_P(Connections, PacketTest, ::testing::ValuesIn(ConnectionRows()), NameOf);
INSTANTIATE_TEST_SUITE_P(Services, PacketTest, ::testing::ValuesIn(ServiceRows()), NameOf);
INSTANTIATE_TEST_SUITE_P(Fragments, PacketTest, ::testing::ValuesIn(FragmentRows()), NameOf);
INSTANTIATE_TEST_SUITE_P(Sctp, PacketTest, ::testing::ValuesIn(SctpRows()), NameOf);
INSTANTIATE_TEST_SUITE_P(Policies, PacketTest, ::testing::ValuesIn(PolicyRows()), NameOf);

// The rows of all tables together provoke every reason, so that a new one cannot do without.
TEST(PacketRows, EveryDropReasonIsProvoked) {
  std::set<std::string> provoked;
  for (const auto& rows :
       {ForwardingRows(), NeighbourRows(), ErrorRows(), LargeFrameRows(), DropRows(),
        ConnectionRows(), ServiceRows(), PolicyRows(), FragmentRows(), SctpRows()}) {
    for (const PacketRow& row : rows) {
      for (const auto& [name, count] : row.drops) {
        provoked.insert(name);
      }
    }
  }
  for (unsigned i = 1; i < core::kDropReasonCount; ++i) {
    const std::string name(core::Describe(static_cast<core::DropReason>(i)).name);
    EXPECT_TRUE(provoked.contains(name)) << "no row drops as " << name;
  }
}

}  // namespace
}  // namespace pollux::stages::testing
