#include "control/observe/observation.h"

#include <gtest/gtest.h>

#include <chrono>
#include <string>

namespace pollux::control {
namespace {

core::Observation Seen() {
  core::Observation seen;
  seen.nanos = 5'000;
  seen.packet = 77;
  seen.worker = net::WorkerId{1};
  seen.step = core::StepId::kSourceGuard;
  seen.verdict = core::VerdictKind::kDrop;
  seen.reason = core::DropReason::kSourceIp;
  seen.ingress = net::PortId{3};
  seen.frame_length = 1514;
  seen.captured_length = 14;
  seen.bytes[12] = 0x88;
  seen.bytes[13] = 0xcc;
  seen.bytes[14] = 0x55;  // not captured
  return seen;
}

PortNames Names() {
  Snapshot snapshot;
  snapshot.installed.ids = {{"web", net::PortId{3}}};
  PortNames names;
  names.Update(snapshot);
  return names;
}

TEST(Observation, IsToldInWords) {
  api::Observation proto;
  ToProto(Seen(), ObservationForm::kWords, Names(), WallClock(1'000'000), &proto);
  EXPECT_EQ(proto.nanos(), 1'005'000);
  EXPECT_EQ(proto.packet(), 77);
  EXPECT_EQ(proto.worker(), 1);
  EXPECT_EQ(proto.step(), "source_guard");
  EXPECT_EQ(proto.verdict(), "drop");
  EXPECT_EQ(proto.reason(), "source_ip");
  EXPECT_EQ(proto.ingress(), "web");
  EXPECT_EQ(proto.egress(), "");
  EXPECT_EQ(proto.frame_length(), 1514);
  EXPECT_EQ(proto.summary(), "00:00:00:00:00:00 > 00:00:00:00:00:00, EtherType 0x88cc");
  EXPECT_EQ(proto.data(), "");
}

TEST(Observation, IsToldInBytes) {
  api::Observation proto;
  ToProto(Seen(), ObservationForm::kBytes, Names(), WallClock(0), &proto);
  EXPECT_EQ(proto.summary(), "");
  EXPECT_EQ(proto.data(), std::string(12, '\0') + "\x88\xcc");
}

TEST(Observation, HasTheVerdictsOfTheApi) {
  using enum core::VerdictKind;
  const std::pair<core::VerdictKind, const char*> rows[] = {{kContinue, "continue"},
                                                            {kSend, "send"},
                                                            {kDrop, "drop"},
                                                            {kDropAnswer, "drop_answer"},
                                                            {kConsumed, "consumed"}};
  for (const auto& [kind, name] : rows) {
    core::Observation seen = Seen();
    seen.verdict = kind;
    api::Observation proto;
    ToProto(seen, ObservationForm::kWords, Names(), WallClock(0), &proto);
    EXPECT_EQ(proto.verdict(), name);
  }
}

TEST(Observation, WithoutAReasonHasNone) {
  core::Observation seen = Seen();
  seen.reason = core::DropReason::kNone;
  api::Observation proto;
  ToProto(seen, ObservationForm::kWords, Names(), WallClock(0), &proto);
  EXPECT_EQ(proto.reason(), "");
}

TEST(PortNames, KeepTheNameOfAPortThatIsGoneUntilItsIdIsUsedAgain) {
  PortNames names = Names();
  EXPECT_EQ(names.Of(net::kNoPort), "");
  EXPECT_EQ(names.Of(net::PortId{9}), "#9");
  names.Update(Snapshot{});
  EXPECT_EQ(names.Of(net::PortId{3}), "web");
  Snapshot later;
  later.installed.ids = {{"db", net::PortId{3}}};
  names.Update(later);
  EXPECT_EQ(names.Of(net::PortId{3}), "db");
}

TEST(WallClock, TellsTheTimeOfDay) {
  using std::chrono::nanoseconds;
  const auto monotonic = [] {
    return static_cast<std::uint64_t>(
        nanoseconds(std::chrono::steady_clock::now().time_since_epoch()).count());
  };
  const auto wall = [] {
    return static_cast<std::uint64_t>(
        nanoseconds(std::chrono::system_clock::now().time_since_epoch()).count());
  };
  const WallClock clock = WallClock::Measure();
  constexpr std::uint64_t kTolerance = 1'000'000;  // between the readings below and the clock's
  const std::uint64_t before = wall();
  const std::uint64_t told = clock.At(monotonic());
  EXPECT_GE(told + kTolerance, before);
  EXPECT_LE(told, wall() + kTolerance);
  EXPECT_EQ(clock.At(1'000) + 500, clock.At(1'500));
}

}  // namespace
}  // namespace pollux::control
