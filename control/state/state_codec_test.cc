#include <gtest/gtest.h>

#include "control/state/state_file.h"
#include "control/state/test_objects.h"

namespace pollux::control {
namespace {

using absl::StatusCode;

SavedState Example() {
  Endpoint pod = Pod("pod", "web", {"10.0.0.1", "fd00::1"}, Owner::kAgent);
  pod.pod = "ns/pod";
  return {.revision = net::Revision{41},
          .state = StateOf({Tap("web", Owner::kAgent), Vhost("vm", "/run/vm.sock"), pod,
                            Uplink("wire", {"192.0.2.1/24"}), OnLink("10.0.0.0/8", "wire"),
                            Via("::/0", "fe80::1", "wire", Owner::kAgent)})};
}

TEST(StateCodecTest, RoundTrip) {
  EXPECT_EQ(Decode(Encode(Example())).value(), Example());
  EXPECT_EQ(Decode(Encode({})).value(), SavedState{});
}

TEST(StateCodecTest, TheSwitchsOwnPortIsNotSavedButWhatIsOnItIs) {
  const Object on_it = Pod("node", "pollux0", {"10.0.0.1"});
  const State state = StateOf({Tap("pollux0", Owner::kSwitch), on_it});
  EXPECT_EQ(Decode(Encode({.revision = {}, .state = state})).value().state, StateOf({on_it}));
}

TEST(StateCodecTest, TheSameStateIsTheSameBytes) {
  EXPECT_EQ(Encode(Example()), Encode(Decode(Encode(Example())).value()));
}

TEST(StateCodecTest, CutAtEveryLength) {
  const std::string whole = Encode(Example());
  for (std::size_t length = 0; length < whole.size(); ++length) {
    EXPECT_EQ(Decode(whole.substr(0, length)).status().code(), StatusCode::kDataLoss) << length;
  }
  EXPECT_EQ(Decode(whole + '\0').status().code(), StatusCode::kDataLoss);
}

TEST(StateCodecTest, EveryFlippedBit) {
  const std::string whole = Encode(Example());
  const std::size_t version = whole.find(' ') + 1;
  for (std::size_t bit = 0; bit < 8 * whole.size(); ++bit) {
    std::string flipped = whole;
    flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ (1 << (bit % 8)));
    const StatusCode code = Decode(flipped).status().code();
    // A higher digit cannot be told from a newer version's.
    const bool newer = bit / 8 == version && flipped[version] > '1' && flipped[version] <= '9';
    EXPECT_EQ(code, newer ? StatusCode::kFailedPrecondition : StatusCode::kDataLoss)
        << "bit " << bit % 8 << " of byte " << bit / 8;
  }
}

TEST(StateCodecTest, Headers) {
  const std::string body = Encode({}).substr(Encode({}).find('\n') + 1);
  ASSERT_EQ(body, "") << "an empty state has no bytes, so that the headers below fit";
  const struct {
    std::string contents;
    StatusCode code;
    std::string error;
  } rows[] = {
      {"pollux-state 1 00000000 0\n", StatusCode::kOk, ""},
      {"", StatusCode::kDataLoss, "it does not begin as a state file does"},
      {"pollux-state 1 00000000 0", StatusCode::kDataLoss,
       "it does not begin as a state file does"},
      {"another-file 1 00000000 0\n", StatusCode::kDataLoss,
       "it does not begin as a state file does"},
      {"pollux-state one 00000000 0\n", StatusCode::kDataLoss,
       "it does not begin as a state file does"},
      {"pollux-state 0 00000000 0\n", StatusCode::kDataLoss,
       "it does not begin as a state file does"},
      {"pollux-state 2 anything goes here\n", StatusCode::kFailedPrecondition,
       "it is of version 2, this vswitchd reads up to 1"},
      {"pollux-state 1 00000001 0\n", StatusCode::kDataLoss, "its checksum is wrong"},
      {"pollux-state 1 00000000 1\n", StatusCode::kDataLoss,
       "it has 0 bytes where its header says 1"},
  };
  for (const auto& row : rows) {
    SCOPED_TRACE(row.contents);
    EXPECT_EQ(Decode(row.contents).status().code(), row.code);
    EXPECT_EQ(Decode(row.contents).status().message(), row.error);
  }
}

// What a checksum vouches for may still be wrong, if who wrote it was.
TEST(StateCodecTest, WrongContentsWithARightChecksum) {
  EXPECT_EQ(Decode("pollux-state 1 d202ef8d 1\n" + std::string(1, '\0')).status(),
            absl::DataLossError("its contents cannot be parsed"));
  // One item without an object: field 2, length 0.
  EXPECT_EQ(Decode("pollux-state 1 392d622c 2\n" + std::string("\x12\0", 2)).status().code(),
            StatusCode::kDataLoss);
}

}  // namespace
}  // namespace pollux::control
