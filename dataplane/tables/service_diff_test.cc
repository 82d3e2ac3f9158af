#include "dataplane/tables/service_diff.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace pollux::tables {
namespace {

using Config = std::shared_ptr<const core::ServiceConfig>;

Config Make(const char* name, std::uint32_t affinity = 0) {
  return std::make_shared<const core::ServiceConfig>(
      core::ServiceConfig{.name = name, .affinity_seconds = affinity});
}

struct Row {
  const char* sentence;
  std::vector<Config> before, after;
  std::vector<Config> put;
  std::vector<std::string> removed;
};

TEST(DiffServices, Rows) {
  const Config a = Make("a");
  const Config b = Make("b");
  const Config c = Make("c");
  const Config b5 = Make("b", 5);
  const Row rows[] = {
      {"nothing to nothing", {}, {}, {}, {}},
      {"all is new", {}, {a, b}, {a, b}, {}},
      {"all goes", {a, b}, {}, {}, {"a", "b"}},
      {"the same pointers", {a, b, c}, {a, b, c}, {}, {}},
      {"equal values", {a, b, c}, {a, Make("b"), c}, {}, {}},
      {"one is different", {a, b, c}, {a, b5, c}, {b5}, {}},
      {"one comes in between", {a, c}, {a, b, c}, {b}, {}},
      {"one goes from between", {a, b, c}, {a, c}, {}, {"b"}},
      {"another order", {a, b, c}, {c, b, a}, {}, {}},
      {"another order and a change", {a, b, c}, {c, b5, a}, {b5}, {}},
      {"one for another", {a, b}, {a, c}, {c}, {"b"}},
  };
  for (const Row& row : rows) {
    const ServiceDiff diff = DiffServices(row.before, row.after);
    EXPECT_EQ(diff.put, row.put) << row.sentence;
    EXPECT_THAT(diff.removed, testing::UnorderedElementsAreArray(row.removed)) << row.sentence;
  }
}

}  // namespace
}  // namespace pollux::tables
