// The tables of the packet tests: a sentence, packets in, packets out, drops.
//
// Each step of a row queues its frames at the ports (all of them before the switch looks), runs the
// switch and compares what every port was sent, in order. At the end of a row its drops are
// compared by name, all of them, and the sums of the ports must agree. Threading: tests.
#pragma once

#include <functional>
#include <map>
#include <ostream>
#include <string>
#include <variant>
#include <vector>

#include "test/packet/packet_switch.h"

namespace pollux::stages::testing {

// A frame at a port; or what a port reports of one that it could not take.
struct In {
  net::PortId port;
  std::variant<Bytes, OffloadedFrame, core::DropReason> what;
};
struct Out {
  net::PortId port;
  std::variant<Bytes, OffloadedFrame> frame;
};

struct Step {
  std::vector<In> in;
  std::vector<Out> out;
  std::uint64_t after_milliseconds = 0;  // passes before
};

struct PacketRow {
  const char* sentence;  // letters, digits and underscores alone: the test's name
  std::vector<Step> steps;
  std::map<std::string, std::uint64_t> drops{};
  std::function<void(PacketSwitch&)> prepare{};
  SwitchOptions options{};
};
inline void PrintTo(const PacketRow& row, std::ostream* out) { *out << row.sentence; }

std::vector<PacketRow> ForwardingRows();
std::vector<PacketRow> NeighbourRows();
std::vector<PacketRow> ErrorRows();
std::vector<PacketRow> LargeFrameRows();
std::vector<PacketRow> DropRows();
std::vector<PacketRow> ConnectionRows();
std::vector<PacketRow> ServiceRows();
std::vector<PacketRow> PolicyRows();
std::vector<PacketRow> FragmentRows();
std::vector<PacketRow> SctpRows();

}  // namespace pollux::stages::testing
