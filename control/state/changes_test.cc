#include "control/state/changes.h"

#include <absl/strings/str_cat.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "control/state/test_objects.h"

namespace pollux::control {
namespace {

// "+port "web"", "-...", "~...".
std::vector<std::string> Words(const std::vector<Object>& before,
                               const std::vector<Object>& after) {
  std::vector<std::string> words;
  for (const Change& change : Changes(StateOf(before), StateOf(after))) {
    const char* sign = !change.before ? "+" : !change.after ? "-" : "~";
    words.push_back(absl::StrCat(sign, NameOf(change.after ? *change.after : *change.before)));
  }
  return words;
}

TEST(ChangesTest, ObjectByObjectPortsFirst) {
  const Object route = OnLink("10.9.0.0/16", "b");
  EXPECT_THAT(Words({}, {}), testing::IsEmpty());
  EXPECT_THAT(Words({Tap("b")}, {Tap("b")}), testing::IsEmpty());
  EXPECT_THAT(Words({Tap("b"), Tap("c"), Pod("p", "b", {"10.0.0.1"})},
                    {Tap("a"), Resized(Tap("b")), Tap("d"), route}),
              testing::ElementsAre("+port \"a\"", "~port \"b\"", "-port \"c\"", "+port \"d\"",
                                   "-endpoint \"p\"", "+route \"10.9.0.0/16\""));
}

TEST(ChangesTest, AnotherOwnerIsAChange) {
  EXPECT_THAT(Words({Tap("a")}, {Tap("a", Owner::kAgent)}), testing::ElementsAre("~port \"a\""));
}

}  // namespace
}  // namespace pollux::control
