#include "control/kubernetes/yaml.h"

#include <absl/strings/str_cat.h>
#include <absl/strings/str_join.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace pollux::kubernetes {
namespace {

using nlohmann::json;
using testing::HasSubstr;

TEST(Yaml, ScalarsAreResolvedByTheCoreSchema) {
  const struct {
    const char* yaml;
    const char* as_json;
  } rows[] = {
      {"a: 1", R"({"a": 1})"},
      {"a: -7", R"({"a": -7})"},
      {"a: '1'", R"({"a": "1"})"},
      {"a: \"1\"", R"({"a": "1"})"},
      {"a: 1.5", R"({"a": 1.5})"},
      {"a: 1e3", R"({"a": 1000.0})"},
      {"a: true\nb: 'true'", R"({"a": true, "b": "true"})"},
      {"a: yes\nb: on", R"({"a": "yes", "b": "on"})"},
      {"a: ~\nb:\nc: null", R"({"a": null, "b": null, "c": null})"},
      {"a: 10.0.0.1", R"({"a": "10.0.0.1"})"},
      {"a: fd00::1", R"({"a": "fd00::1"})"},
      {"a: e\nb: '-'\nc: .", R"({"a": "e", "b": "-", "c": "."})"},
      {"a: 99999999999999999999", R"({"a": 1e20})"},
      {"a: [1, two]\nb: {c: d}", R"({"a": [1, "two"], "b": {"c": "d"}})"},
      {"a: |\n  x\n  y\n", R"({"a": "x\ny\n"})"},
      {"1: x", R"({"1": "x"})"},
      {"a: &x [1, {b: 2}]\nc: *x", R"({"a": [1, {"b": 2}], "c": [1, {"b": 2}]})"},
      {"", "null"},
      {R"({"a": "tab\there", "b": ["\u00e4"]})", R"({"a": "tab\there", "b": ["\u00e4"]})"},
  };
  for (const auto& row : rows) {
    const YamlDocuments result = ParseYaml(row.yaml);
    EXPECT_FALSE(result.error) << row.yaml << ": " << result.error->text;
    const json got = result.documents.empty() ? json() : result.documents[0];
    EXPECT_EQ(got, json::parse(row.as_json)) << row.yaml;
  }
}

TEST(Yaml, DocumentsFollowEachOther) {
  const YamlDocuments result = ParseYaml("a: 1\n---\n# nothing\n---\nb: 2\n");
  ASSERT_EQ(result.documents.size(), 3U);
  EXPECT_EQ(result.documents[2], json::parse(R"({"b": 2})"));
}

TEST(Yaml, ErrorsHaveAPlace) {
  std::string deep(100'000, '[');
  const struct {
    std::string yaml;
    int line;
    const char* text;
  } rows[] = {
      {"a: 1\nb: [1\n", 3, ""},
      {"a: 1\n b: 2\n", 2, ""},
      {"a: 1\nb: 2\na: 3\n", 3, "the key \"a\" is there twice"},
      {"a: 1\n? [b]\n: c\n", 2, "a key that is a list or a map"},
      {"a: *nobody\n", 1, ""},
      {"a: &x [1, *x]\n", 1, ""},
      {"good: 1\n---\nbad: [\n", 4, ""},
      {deep, 1, ""},
  };
  for (const auto& row : rows) {
    const YamlDocuments result = ParseYaml(row.yaml);
    ASSERT_TRUE(result.error) << row.yaml.substr(0, 50);
    EXPECT_EQ(result.error->line, row.line) << row.yaml.substr(0, 50) << result.error->text;
    EXPECT_THAT(result.error->text, HasSubstr(row.text));
  }
}

TEST(Yaml, AliasesThatGrowAreStopped) {
  std::string bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n";
  for (int i = 1; i < 12; ++i) {
    const std::string alias = absl::StrCat("*a", i - 1);
    absl::StrAppend(&bomb, "a", i, ": &a", i, " [",
                    absl::StrJoin(std::vector<std::string>(10, alias), ", "), "]\n");
  }
  const YamlDocuments result = ParseYaml(bomb);
  ASSERT_TRUE(result.error);
  EXPECT_THAT(result.error->text, HasSubstr("values by aliases"));
}

TEST(Yaml, FieldsHaveALine) {
  const std::string text =
      "kind: A\n"
      "---\n"
      "kind: B\n"
      "spec:\n"
      "  ports:\n"
      "  - port: 1\n"
      "  - port: 2\n"
      "    name: x\n";
  EXPECT_EQ(LineOf(text, 0, "kind"), 1);
  EXPECT_EQ(LineOf(text, 1, "kind"), 3);
  EXPECT_EQ(LineOf(text, 1, "spec.ports[0].port"), 6);
  EXPECT_EQ(LineOf(text, 1, "spec.ports[1].name"), 8);
  EXPECT_EQ(LineOf(text, 1, "spec.ports[1].protocol"), 7) << "the nearest around it";
  EXPECT_EQ(LineOf(text, 1, "spec.ports[9]"), 6);
  EXPECT_EQ(LineOf(text, 2, "kind"), 0);
}

}  // namespace
}  // namespace pollux::kubernetes
