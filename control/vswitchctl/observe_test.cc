// trace and capture: what becomes of observations, with an API that plays the switch.
#include <absl/strings/str_split.h>
#include <gmock/gmock.h>

#include <algorithm>
#include <sstream>

#include "control/vswitchctl/command_line.h"
#include "control/vswitchctl/fake_api.h"

namespace pollux::ctl {
namespace {

using testing::HasSubstr;

struct Result {
  absl::Status status;
  std::string out;
  std::string notes;
};

Result RunLine(const std::string& line, FakeApi& api, bool is_terminal = false) {
  const CommandLine parsed = ParseCommandLine(absl::StrSplit(line, ' '));
  EXPECT_TRUE(parsed.action) << parsed.text;
  std::ostringstream out;
  std::ostringstream notes;
  Output output(out, parsed.format, is_terminal);
  Session session{.api = api, .output = output, .notes = notes};
  const absl::Status status = parsed.action(session);
  return {.status = status, .out = out.str(), .notes = notes.str()};
}

void Add(api::ObservationBatch& batch, std::uint64_t packet, const char* step) {
  api::Observation& observation = *batch.add_items();
  observation.set_packet(packet);
  observation.set_step(step);
  observation.set_verdict("continue");
  observation.set_ingress("web");
  observation.set_egress("db");
  observation.set_data("frame");
}

// Two packets whose last steps come in a second batch, with a third packet's first.
FakeApi TwoBatches() {
  FakeApi api;
  api.observations.resize(3);
  Add(api.observations[0], 1, "route");
  Add(api.observations[0], 2, "route");
  Add(api.observations[1], 1, "send");
  Add(api.observations[1], 2, "send");
  Add(api.observations[1], 3, "route");
  Add(api.observations[2], 4, "route");
  api.observations[1].set_missed(5);
  return api;
}

std::size_t Lines(const std::string& text) {
  return static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n'));
}

TEST(Trace, CountEndsWhenThePacketsAreComplete) {
  FakeApi api = TwoBatches();
  const Result result = RunLine("trace --count 2", api);
  EXPECT_EQ(result.status, absl::OkStatus());
  EXPECT_THAT(result.out, HasSubstr("packet 2"));
  EXPECT_THAT(result.out, HasSubstr("send"));
  EXPECT_EQ(result.out.find("packet 3"), std::string::npos) << result.out;
}

TEST(Trace, WithStepsChosenCountEndsAtOnce) {
  FakeApi api = TwoBatches();
  EXPECT_EQ(Lines(RunLine("trace --count 1 --step route -o json", api).out), 1U);
}

TEST(Trace, AnAnswerToADropBelongsToThePacket) {
  FakeApi api = TwoBatches();
  api.observations[0].mutable_items(0)->set_verdict("drop_answer");
  EXPECT_EQ(Lines(RunLine("trace --count 1 -o json", api).out), 2U);
  // With --drops the answer does not match, and nothing more is waited for.
  EXPECT_EQ(Lines(RunLine("trace --count 1 --drops -o json", api).out), 1U);
}

TEST(Trace, WithoutCountEverythingIsShownAndWhatWasMissedIsSaid) {
  FakeApi api = TwoBatches();
  const Result result = RunLine("trace -o json", api);
  EXPECT_EQ(Lines(result.out), 3U);  // a document per line
  EXPECT_THAT(result.notes, HasSubstr("5 observations missed"));
}

TEST(Capture, WritesPcapngAndSaysHowMuch) {
  FakeApi api = TwoBatches();
  const Result result = RunLine("capture --count 2", api);
  EXPECT_EQ(result.status, absl::OkStatus());
  EXPECT_EQ(result.out.substr(0, 4), "\x0a\x0d\x0d\x0a");
  EXPECT_THAT(result.out, HasSubstr("step=send verdict=continue in=web out=db worker=0 packet=2"));
  EXPECT_EQ(result.notes, "4 packets captured, 5 observations missed\n");
}

TEST(Capture, NoBinaryOnATerminal) {
  FakeApi api = TwoBatches();
  const Result result = RunLine("capture", api, /*is_terminal=*/true);
  EXPECT_THAT(std::string(result.status.message()), HasSubstr("give -w FILE"));
  EXPECT_TRUE(result.out.empty());
  EXPECT_TRUE(api.asked.empty());
}

TEST(Capture, AFileThatCannotBeWrittenIsNamed) {
  FakeApi api = TwoBatches();
  const Result result = RunLine("capture -w /nonexistent/x", api);
  EXPECT_THAT(std::string(result.status.message()), HasSubstr("/nonexistent/x: No such file"));
}

}  // namespace
}  // namespace pollux::ctl
