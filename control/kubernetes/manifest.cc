#include "control/kubernetes/manifest.h"

#include <absl/strings/str_cat.h>

#include <algorithm>
#include <utility>

#include "control/kubernetes/yaml.h"

namespace pollux::kubernetes {
namespace {

int LineAt(const std::string& text, std::size_t byte) {
  const auto end = text.begin() + static_cast<std::ptrdiff_t>(std::min(byte, text.size()));
  return 1 + static_cast<int>(std::count(text.begin(), end, '\n'));
}

std::vector<Json> ParseJson(const std::string& text, std::vector<ManifestProblem>& problems) {
  std::vector<Json> documents;
  try {
    documents.push_back(Json::parse(text));
  } catch (const Json::parse_error& error) {
    problems.push_back({.line = LineAt(text, error.byte == 0 ? 0 : error.byte - 1),
                        .field = "",
                        .text = error.what()});
  }
  return documents;
}

std::vector<Json> Parse(const std::string& name, const std::string& text,
                        std::vector<ManifestProblem>& problems) {
  if (name.ends_with(".json")) {
    return ParseJson(text, problems);
  }
  YamlDocuments yaml = ParseYaml(text);
  if (yaml.error) {
    problems.push_back(
        {.line = yaml.error->line,
         .field = "",
         .text = absl::StrCat("column ", yaml.error->column, ": ", yaml.error->text)});
  }
  return std::move(yaml.documents);
}

}  // namespace

Manifest ReadManifest(const std::string& name, const std::string& text) {
  Manifest manifest;
  const std::vector<Json> documents = Parse(name, text, manifest.problems);
  Decoded decoded;
  for (std::size_t i = 0; i < documents.size(); ++i) {
    const std::size_t before = decoded.problems.size();
    DecodeDocument(documents[i], decoded);
    for (std::size_t p = before; p < decoded.problems.size(); ++p) {
      const FieldProblem& problem = decoded.problems[p];
      manifest.problems.push_back(
          {.line = LineOf(text, i, problem.field), .field = problem.field, .text = problem.text});
    }
  }
  manifest.objects = std::move(decoded.cluster);
  manifest.ignored = std::move(decoded.ignored);
  std::ranges::sort(manifest.ignored);
  const auto twice = std::ranges::unique(manifest.ignored);
  manifest.ignored.erase(twice.begin(), twice.end());
  return manifest;
}

}  // namespace pollux::kubernetes
