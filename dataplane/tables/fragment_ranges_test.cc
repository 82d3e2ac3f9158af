#include "dataplane/tables/fragment_ranges.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <random>
#include <string>
#include <vector>

namespace pollux::tables {
namespace {

using Result = FragmentRanges::Result;

std::string Name(Result result) {
  constexpr const char* kNames[] = {"added", "duplicate", "overlap", "contradicts", "scattered"};
  return kNames[static_cast<unsigned>(result)];
}

constexpr FragmentPlace More(std::uint16_t first, std::uint16_t end) { return {first, end, true}; }
constexpr FragmentPlace Last(std::uint16_t first, std::uint16_t end) { return {first, end, false}; }

struct Event {
  FragmentPlace place;
  const char* result = "added";
};

struct Row {
  const char* sentence;
  std::vector<Event> events;
  bool complete;
};

class FragmentsOfOneDatagram : public ::testing::TestWithParam<Row> {};

TEST_P(FragmentsOfOneDatagram, Row) {
  FragmentRanges ranges;
  for (std::size_t i = 0; i < GetParam().events.size(); ++i) {
    const Event& event = GetParam().events[i];
    EXPECT_EQ(Name(ranges.Add(event.place)), event.result) << "event " << i;
  }
  EXPECT_EQ(ranges.complete(), GetParam().complete);
}

std::string NameOf(const ::testing::TestParamInfo<Row>& info) { return info.param.sentence; }

INSTANTIATE_TEST_SUITE_P(
    Whole, FragmentsOfOneDatagram,
    ::testing::ValuesIn(std::vector<Row>{
        {"in_order", {{More(0, 8)}, {More(8, 16)}, {Last(16, 19)}}, true},
        {"the_last_before_the_middle", {{More(0, 8)}, {Last(16, 19)}, {More(8, 16)}}, true},
        {"backwards_but_for_the_first",
         {{More(0, 8)}, {Last(24, 25)}, {More(16, 24)}, {More(8, 16)}},
         true},
        {"a_hole", {{More(0, 8)}, {Last(16, 19)}}, false},
        {"the_last_is_missing", {{More(0, 8)}, {More(8, 16)}}, false},
        {"the_first_is_missing", {{More(8, 16)}, {Last(16, 19)}}, false},
        {"the_longest_datagram", {{More(0, 65528)}, {Last(65528, 65535)}}, true},
    }),
    NameOf);

INSTANTIATE_TEST_SUITE_P(
    Twice, FragmentsOfOneDatagram,
    ::testing::ValuesIn(std::vector<Row>{
        {"the_first", {{More(0, 8)}, {More(0, 8), "duplicate"}, {Last(8, 9)}}, true},
        {"the_last", {{More(0, 8)}, {Last(16, 19)}, {Last(16, 19), "duplicate"}}, false},
        {"one_of_several_that_joined",
         {{More(0, 8)}, {More(8, 16)}, {More(16, 24)}, {More(8, 16), "duplicate"}},
         false},
        {"the_last_of_those_so_far",
         {{More(0, 8)}, {More(8, 16)}, {More(8, 16), "duplicate"}, {Last(16, 17)}},
         true},
        {"part_of_one", {{More(0, 32)}, {More(8, 16), "duplicate"}, {Last(32, 33)}}, true},
    }),
    NameOf);

INSTANTIATE_TEST_SUITE_P(
    Overlapping, FragmentsOfOneDatagram,
    ::testing::ValuesIn(std::vector<Row>{
        {"begins_in_another", {{More(0, 16)}, {More(8, 24), "overlap"}}, false},
        {"ends_in_another", {{More(16, 32)}, {More(8, 24), "overlap"}}, false},
        {"contains_another", {{More(8, 16)}, {More(0, 24), "overlap"}}, false},
        {"begins_with_another", {{More(0, 8)}, {More(0, 16), "overlap"}}, false},
        {"ends_with_another", {{More(8, 16)}, {More(0, 16), "overlap"}}, false},
        {"fills_a_hole_and_a_byte_more",
         {{More(0, 8)}, {More(16, 24)}, {More(8, 17), "overlap"}},
         false},
        {"spans_two", {{More(0, 8)}, {More(16, 24)}, {More(0, 24), "overlap"}}, false},
        {"the_last_begins_in_another", {{More(0, 16)}, {Last(8, 20), "overlap"}}, false},
        {"leaves_no_trace", {{More(8, 16)}, {More(0, 16), "overlap"}, {More(0, 8)}}, false},
    }),
    NameOf);

INSTANTIATE_TEST_SUITE_P(
    TwoEnds, FragmentsOfOneDatagram,
    ::testing::ValuesIn(std::vector<Row>{
        {"behind_the_last", {{Last(8, 16)}, {More(16, 24), "contradicts"}}, false},
        {"across_the_last", {{Last(8, 16)}, {More(0, 24), "contradicts"}}, false},
        {"more_where_it_ended", {{Last(8, 16)}, {More(8, 16), "contradicts"}}, false},
        {"a_last_behind_the_last", {{Last(8, 16)}, {Last(16, 24), "contradicts"}}, false},
        {"a_last_before_the_last", {{Last(16, 24)}, {Last(8, 16), "contradicts"}}, false},
        {"a_last_where_more_was_seen", {{More(16, 24)}, {Last(8, 16), "contradicts"}}, false},
        {"a_last_for_what_had_more", {{More(0, 8)}, {Last(0, 8), "contradicts"}}, false},
        {"a_shorter_last", {{Last(8, 16)}, {Last(8, 15), "contradicts"}}, false},
    }),
    NameOf);

TEST(FragmentRanges, KeepsSixteenRuns) {
  FragmentRanges ranges;
  for (std::uint16_t i = 0; i < 16; ++i) {
    const auto at = static_cast<std::uint16_t>(i * 16);
    ASSERT_EQ(ranges.Add(More(at, static_cast<std::uint16_t>(at + 8))), Result::kAdded);
  }
  EXPECT_EQ(ranges.Add(More(256, 264)), Result::kScattered);
  EXPECT_EQ(ranges.Add(Last(256, 264)), Result::kScattered);
  EXPECT_EQ(ranges.Add(More(8, 16)), Result::kAdded) << "fills a hole";
  EXPECT_EQ(ranges.runs(), 15U);
  EXPECT_EQ(ranges.Add(Last(256, 264)), Result::kAdded) << "what was refused was not learned";
}

// The rules again, over a byte map and a list.
class Model {
 public:
  Result Add(const FragmentPlace& place) {
    const bool contradicts = std::any_of(added_.begin(), added_.end(), [&](const auto& other) {
      return !Agree(place, other) || !Agree(other, place);
    });
    if (contradicts) {
      return Result::kContradicts;
    }
    const auto begin = bytes_.begin() + place.first;
    const auto seen = std::count(begin, bytes_.begin() + place.end, true);
    if (seen != 0) {
      return seen == place.end - place.first ? Result::kDuplicate : Result::kOverlap;
    }
    std::vector<bool> after = bytes_;
    std::fill(after.begin() + place.first, after.begin() + place.end, true);
    if (Runs(after) > FragmentRanges::kMaxRuns) {
      return Result::kScattered;
    }
    bytes_ = after;
    added_.push_back(place);
    return Result::kAdded;
  }
  [[nodiscard]] bool complete() const {
    const auto last = std::find_if(added_.begin(), added_.end(), [](auto& p) { return !p.more; });
    return last != added_.end() &&
           std::count(bytes_.begin(), bytes_.end(), true) == std::ptrdiff_t{last->end};
  }

 private:
  // Nothing ends behind a last one, nor with it if it says that more follows.
  static bool Agree(const FragmentPlace& place, const FragmentPlace& other) {
    return place.more || other.end < place.end || (other.end == place.end && !other.more);
  }
  static unsigned Runs(const std::vector<bool>& bytes) {
    unsigned runs = 0;
    for (std::size_t i = 0; i < bytes.size(); ++i) {
      runs += bytes[i] && (i == 0 || !bytes[i - 1]) ? 1U : 0U;
    }
    return runs;
  }

  std::vector<bool> bytes_ = std::vector<bool>(1024);
  std::vector<FragmentPlace> added_;
};

TEST(FragmentRanges, DecidesAsAByteMapWould) {
  std::mt19937 random(1);  // NOLINT(cert-msc51-cpp): the same every time
  const auto below = [&](unsigned limit) { return static_cast<unsigned>(random() % limit); };
  std::array<unsigned, 5> results{};
  unsigned completed = 0;
  for (unsigned round = 0; round < 3000; ++round) {
    FragmentRanges ranges;
    Model model;
    const unsigned units = 4 + below(100);  // of 8 bytes
    const unsigned longest = 1 + below(6);
    for (unsigned i = 0; i < 120; ++i) {
      const unsigned first = below(units) * 8;
      const unsigned end = first + (1 + below(longest)) * 8;
      const bool more = below(40) != 0 && (end < units * 8 || below(8) == 0);
      const FragmentPlace place{static_cast<std::uint16_t>(first),
                                static_cast<std::uint16_t>(more ? end : end - below(8)), more};
      const Result result = ranges.Add(place);
      ASSERT_EQ(Name(result), Name(model.Add(place)))
          << "round " << round << ": " << place.first << '-' << place.end << " more " << more;
      ASSERT_EQ(ranges.complete(), model.complete()) << "round " << round;
      ++results[static_cast<unsigned>(result)];
    }
    completed += ranges.complete() ? 1U : 0U;
  }
  EXPECT_GT(*std::min_element(results.begin(), results.end()), 300U) << "all were met";
  EXPECT_GT(completed, 100U);
}

}  // namespace
}  // namespace pollux::tables
