#include "policy/selector.h"

#include <gtest/gtest.h>

namespace pollux::policy {
namespace {

TEST(Selector, RowsOfKubernetes) {
  const Labels web = {{"app", "web"}, {"tier", "front"}};
  const struct {
    const char* sentence;
    std::vector<Requirement> requirements;
    bool matches;
  } rows[] = {
      {"nothing is required", {}, true},
      {"app in (web, db)", {{"app", Operator::kIn, {"web", "db"}}}, true},
      {"app in (db)", {{"app", Operator::kIn, {"db"}}}, false},
      {"missing in (web)", {{"missing", Operator::kIn, {"web"}}}, false},
      {"app in ()", {{"app", Operator::kIn, {}}}, false},
      {"app not in (db)", {{"app", Operator::kNotIn, {"db"}}}, true},
      {"app not in (web)", {{"app", Operator::kNotIn, {"web"}}}, false},
      {"missing not in (web): holds without the key",
       {{"missing", Operator::kNotIn, {"web"}}},
       true},
      {"tier exists", {{"tier", Operator::kExists, {}}}, true},
      {"missing exists", {{"missing", Operator::kExists, {}}}, false},
      {"missing does not exist", {{"missing", Operator::kDoesNotExist, {}}}, true},
      {"tier does not exist", {{"tier", Operator::kDoesNotExist, {}}}, false},
      {"all must hold",
       {{"app", Operator::kIn, {"web"}}, {"tier", Operator::kDoesNotExist, {}}},
       false},
  };
  for (const auto& row : rows) {
    EXPECT_EQ(Selector{row.requirements}.Matches(web), row.matches) << row.sentence;
  }
}

}  // namespace
}  // namespace pollux::policy
