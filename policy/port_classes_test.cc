#include "policy/port_classes.h"

#include <gtest/gtest.h>

#include "policy/test_policies.h"

namespace pollux::policy {
namespace {

TEST(PortClasses, PortsOfARangeShareOneAndNoOtherHasIt) {
  const std::vector<PortRange> ranges = {{kTcp, 80, 80}, {kTcp, 8000, 8080}, {kUdp, 53, 53}};
  const PortClasses classes(ranges);
  EXPECT_EQ(classes.ClassOf(kTcp, 8000), classes.ClassOf(kTcp, 8080));
  for (const std::uint16_t other : std::vector<std::uint16_t>{0, 79, 81, 7999, 8081, 65535}) {
    EXPECT_NE(classes.ClassOf(kTcp, other), classes.ClassOf(kTcp, 8000)) << other;
    EXPECT_NE(classes.ClassOf(kTcp, other), classes.ClassOf(kTcp, 80)) << other;
  }
  EXPECT_NE(classes.ClassOf(kTcp, 53), classes.ClassOf(kUdp, 53));
  EXPECT_EQ(classes.ClassOf(kIcmp, 80), PortClasses::kNone);
}

TEST(PortClasses, ARangeIsExactlyItsClasses) {
  const std::vector<PortRange> ranges = {
      {kTcp, 10, 30}, {kTcp, 20, 40}, {kTcp, 0, 65535}, {kTcp, 65535, 65535}};
  const PortClasses classes(ranges);
  for (const PortRange& range : ranges) {
    const auto [first, last] = classes.ClassesOf(range);
    for (unsigned port = 0; port <= 65535; ++port) {
      const auto at = classes.ClassOf(kTcp, static_cast<std::uint16_t>(port));
      ASSERT_EQ(first <= at && at <= last, range.first <= port && port <= range.last) << port;
    }
  }
}

TEST(PortClasses, WithoutRulesAProtocolIsOne) {
  const PortClasses classes;
  EXPECT_EQ(classes.ClassOf(kSctp, 0), classes.ClassOf(kSctp, 65535));
  EXPECT_EQ(classes.count(), 4U) << "none, TCP, UDP, SCTP";
}

}  // namespace
}  // namespace pollux::policy
