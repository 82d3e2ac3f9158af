// What the tests of the answer step share: a verdict on a frame, and what became of the frame.
// Threading: tests.
#pragma once

#include <gtest/gtest.h>

#include <string>

#include "dataplane/stages/answer.h"
#include "dataplane/stages/step_test_support.h"

namespace pollux::stages::testing {

inline constexpr net::MacAddress kNewMac = {{2, 0, 0, 0, 0, 0x98}};

class AnswerTest : public ::testing::Test {
 protected:
  // The verdict on a frame; what became of it lies in `frame_` afterwards.
  std::string Decide(const Bytes& frame, net::PortId ingress) {
    ReceivedPacket received(frame, ingress);
    Context ctx = switch_.ContextOf(ingress);
    const core::Verdict verdict = Answer::Decide(ctx, received.packet);
    frame_ = received.frame();
    egress_ = received.packet.egress;
    return Text(verdict);
  }

  SmallSwitch switch_;
  Bytes frame_;
  net::PortId egress_;
};

// On uplinks the Ethernet destination is the uplink's.
inline Bytes ToUplink(Bytes frame) {
  Overlay<net::EthernetHeader>(frame, 0).destination = kUplinkMac;
  return frame;
}

}  // namespace pollux::stages::testing
