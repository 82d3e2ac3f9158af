// What people read: tables, quantities, changes, traces.
#include <gmock/gmock.h>

#include <ctime>
#include <sstream>

#include "control/vswitchctl/changes.h"
#include "control/vswitchctl/table.h"
#include "control/vswitchctl/trace_text.h"
#include "control/vswitchctl/units.h"
#include "control/vswitchctl/words.h"

namespace pollux::ctl {
namespace {

TEST(Table, ColumnsAreAligned) {
  Table table({{"NAME"}, Number("PACKETS"), {"WHAT"}});
  table.Add({"a-long-name", "7", "x"});
  table.Add({"b", "1234567890", ""});
  std::ostringstream out;
  table.Print(out, "none");
  EXPECT_EQ(out.str(),
            "NAME            PACKETS  WHAT\n"
            "a-long-name           7  x\n"
            "b            1234567890  -\n");
}

TEST(Table, AnEmptyOneSaysSo) {
  std::ostringstream out;
  Table({{"NAME"}}).Print(out, "no ports");
  EXPECT_EQ(out.str(), "no ports\n");
}

TEST(Units, DurationsNeedAUnit) {
  using std::chrono::milliseconds;
  const std::pair<const char*, std::optional<milliseconds>> rows[] = {
      {"500ms", milliseconds(500)},
      {"10s", milliseconds(10'000)},
      {"1.5m", milliseconds(90'000)},
      {"2h", milliseconds(7'200'000)},
      {"0s", milliseconds(0)},
      {"10", std::nullopt},
      {"", std::nullopt},
      {"s", std::nullopt},
      {"-1s", std::nullopt},
      {"1 day", std::nullopt},
      {"nans", std::nullopt},
      {"1e99s", std::nullopt}};
  for (const auto& [text, duration] : rows) {
    EXPECT_EQ(ParseDuration(text), duration) << text;
  }
}

TEST(Units, QuantitiesHaveThreeDigitsAndAUnit) {
  EXPECT_EQ(WithPrefix(0, "bit/s"), "0 bit/s");
  EXPECT_EQ(WithPrefix(999, "pkt/s"), "999 pkt/s");
  EXPECT_EQ(WithPrefix(999.7, "pkt/s"), "1 kpkt/s");
  EXPECT_EQ(WithPrefix(14'880'952, "pkt/s"), "14.9 Mpkt/s");
  EXPECT_EQ(WithPrefix(9.87e9, "bit/s"), "9.87 Gbit/s");
  EXPECT_EQ(FormatNanos(999), "999 ns");
  EXPECT_EQ(FormatNanos(37'611), "37.6 us");
  EXPECT_EQ(FormatNanos(2'500'000'000), "2.5 s");
  EXPECT_EQ(FormatSeconds(0.257), "0.257 s");
  EXPECT_EQ(FormatSeconds(61), "1 min 1 s");
  EXPECT_EQ(FormatSeconds(3 * 3600 + 120), "3 h 2 min");
  EXPECT_EQ(FormatSeconds(90'000), "1 d 1 h");
  EXPECT_EQ(FormatShare(0.1234), "12.3 %");
}

TEST(Words, LinesBreakAtSpaces) {
  EXPECT_EQ(Wrap("one two three", 7), "one two\nthree");
  EXPECT_EQ(Wrap("unbreakable a", 4), "unbreakable\na");
  EXPECT_EQ(Wrap("kept\nlines", 80), "kept\nlines");
}

TEST(Words, OnlyWhatIsCloseIsSuggested) {
  EXPECT_EQ(Suggestion("--typ", {"--mtu", "--type"}), " (did you mean --type?)");
  EXPECT_EQ(Suggestion("--typ=tap", {"--mtu", "--type"}), " (did you mean --type?)");
  EXPECT_EQ(Suggestion("--netsn", {"--mtu", "--netns"}), " (did you mean --netns?)");
  EXPECT_EQ(Suggestion("tunnel", {"port", "endpoint", "route"}), "");
}

api::Change Changed() {
  api::Change change;
  change.set_action("changed");
  api::Port* before = change.mutable_before()->mutable_port();
  before->set_name("web");
  before->set_owner("cli");
  before->set_mtu(1500);
  before->mutable_tap()->set_netns("/a");
  *change.mutable_after() = change.before();
  change.mutable_after()->mutable_port()->set_mtu(9000);
  change.mutable_after()->mutable_port()->mutable_tap()->clear_netns();
  return change;
}

TEST(Changes, SayWhatIsDifferent) {
  api::Change change = Changed();
  EXPECT_EQ(Describe(change), "changed port \"web\": mtu 1500 -> 9000; tap.netns /a -> unset");
  change.clear_after();
  change.set_action("removed");
  EXPECT_EQ(Describe(change), "removed port \"web\"");

  api::Change added;
  added.set_action("added");
  api::Endpoint* endpoint = added.mutable_after()->mutable_endpoint();
  endpoint->set_name("e");
  endpoint->add_ip("10.0.0.1");
  endpoint->add_ip("fd00::1");
  endpoint->mutable_status()->set_open(true);
  EXPECT_EQ(Describe(added), "added endpoint \"e\": ip=10.0.0.1,fd00::1");
}

void AddObservation(Observations& to, std::uint64_t packet, const char* step, const char* reason) {
  api::Observation& observation = *to.Add();
  observation.set_packet(packet);
  observation.set_step(step);
  observation.set_verdict(*reason == '\0' ? "continue" : "drop");
  observation.set_reason(reason);
  observation.set_ingress("web");
  observation.set_frame_length(98);
  observation.set_summary("a packet");
}

TEST(TraceText, StepsOfAPacketStandTogether) {
  Observations observations;  // a burst of two
  AddObservation(observations, 1, "parse", "");
  AddObservation(observations, 2, "parse", "");
  AddObservation(observations, 1, "route", "");
  AddObservation(observations, 2, "route", "no_route");
  setenv("TZ", "UTC", 1);
  tzset();
  std::ostringstream out;
  TraceText text;
  text.Print(observations, out);
  observations.Clear();
  AddObservation(observations, 2, "send", "");
  text.Print(observations, out);  // goes on where the last batch ended
  EXPECT_EQ(out.str(),
            "00:00:00.000000000 worker 0 packet 1 from web, 98 bytes\n"
            "    parse         continue                  a packet\n"
            "    route         continue                  a packet\n"
            "00:00:00.000000000 worker 0 packet 2 from web, 98 bytes\n"
            "    parse         continue                  a packet\n"
            "    route         drop (no_route)           a packet\n"
            "    send          continue                  a packet\n");
}

}  // namespace
}  // namespace pollux::ctl
