#include "perf/pktgen/sequence.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace pollux::pktgen {
namespace {

struct Row {
  const char* sentence;
  std::vector<std::uint32_t> arrivals;
  std::string verdicts;  // . in order, r reordered, d duplicate
};

TEST(Sequence, Verdicts) {
  const std::vector<Row> rows = {
      {"one after the other", {0, 1, 2, 3}, "...."},
      {"a gap is not an event of its own", {0, 5, 6}, "..."},
      {"what was overtaken is reordered, once", {0, 2, 1, 1}, "..rd"},
      {"the same again is a duplicate", {0, 0, 1, 0}, ".d.d"},
      {"the first numbers may be missing", {7, 3, 7}, ".rd"},
      {"after a gap of 63 the number before it is still known", {0, 63, 0}, "..d"},
      {"after a gap of 64 nobody knows", {0, 64, 0}, "..r"},
      {"a far jump forgets all before it", {0, 1, 2, 1000, 2, 1000}, "....rd"},
      {"the counter wraps", {0x7fffffff, 0xfffffffe, 0xffffffff, 0, 0xffffffff, 1}, "....d."},
  };
  for (const Row& row : rows) {
    SequenceTracker tracker;
    std::string verdicts;
    for (const std::uint32_t sequence : row.arrivals) {
      verdicts += ".rd"[static_cast<int>(tracker.Accept(sequence))];
    }
    EXPECT_EQ(verdicts, row.verdicts) << row.sentence;
  }
}

}  // namespace
}  // namespace pollux::pktgen
