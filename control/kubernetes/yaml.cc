#include "control/kubernetes/yaml.h"

#include <absl/strings/numbers.h>
#include <absl/strings/str_cat.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <cstdint>
#include <map>
#include <sstream>
#include <utility>

namespace pollux::kubernetes {
namespace {

using Json = nlohmann::json;

// That aliases may add, in all documents of a text.
constexpr std::size_t kMaxAliased = 1'000'000;

struct Wrong {
  YAML::Mark mark;
  std::string text;
};

bool IsInteger(std::string_view text) {
  const std::string_view digits = text.substr(text.starts_with('-') || text.starts_with('+'));
  return !digits.empty() &&
         std::ranges::all_of(digits, [](char c) { return c >= '0' && c <= '9'; });
}

// The characters that numbers are made of; "." and "e" alone are none.
bool LooksLikeFloat(std::string_view text) {
  return text.find_first_not_of("+-.0123456789eE") == std::string_view::npos &&
         text.find_first_of("0123456789") != std::string_view::npos &&
         std::string_view("eE").find(text.front()) == std::string_view::npos;
}

Json Resolved(const std::string& text) {
  if (text.empty() || text == "~" || text == "null" || text == "Null" || text == "NULL") {
    return nullptr;
  }
  if (text == "true" || text == "True" || text == "TRUE") {
    return true;
  }
  if (text == "false" || text == "False" || text == "FALSE") {
    return false;
  }
  std::uint64_t natural = 0;  // as the JSON parser has them
  if (IsInteger(text) && absl::SimpleAtoi(text, &natural)) {
    return natural;
  }
  std::int64_t integer = 0;
  if (IsInteger(text) && absl::SimpleAtoi(text, &integer)) {
    return integer;
  }
  double number = 0;
  if (LooksLikeFloat(text) && absl::SimpleAtod(text, &number)) {
    return number;
  }
  return text;
}

// Values as they nest, and the place that the parser is at.
class Builder final : public YAML::EventHandler {
 public:
  // `wanted`: a field whose line is looked for.
  explicit Builder(std::string_view wanted = {}) : wanted_(wanted) {}

  [[nodiscard]] Json TakeDocument() { return std::exchange(document_, nullptr); }
  [[nodiscard]] int line() const { return line_; }

  void OnDocumentStart(const YAML::Mark& mark) override {
    anchors_.clear();
    line_ = mark.line + 1;
    matched_ = 0;
  }
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    Scalar(mark, anchor, nullptr, "");
  }
  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    const bool plain = tag == "?" || tag.empty();
    Scalar(mark, anchor, plain ? Resolved(value) : Json(value), value);
  }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    const auto at = anchors_.find(anchor);
    if (at == anchors_.end()) {
      throw Wrong{mark, "an alias of what is not complete yet"};
    }
    CountAliased(mark, at->second.second);
    Scalar(mark, 0, at->second.first, "");
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    Open(mark, anchor, Json::array());
  }
  void OnSequenceEnd() override { Close(); }
  void OnMapStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    Open(mark, anchor, Json::object());
  }
  void OnMapEnd() override { Close(); }

 private:
  struct Frame {
    Json value;
    YAML::anchor_t anchor = 0;
    std::size_t values_before = 0;
    std::optional<std::string> key;  // of a map, whose value comes next
  };

  void CountAliased(const YAML::Mark& mark, std::size_t values) {
    values_ += values;
    aliased_ += values;
    if (aliased_ > kMaxAliased) {
      throw Wrong{mark, absl::StrCat("more than ", kMaxAliased, " values by aliases")};
    }
  }

  [[nodiscard]] bool ExpectsKey() const {
    return !frames_.empty() && frames_.back().value.is_object() && !frames_.back().key;
  }

  void Scalar(const YAML::Mark& mark, YAML::anchor_t anchor, Json value, const std::string& text) {
    ++values_;
    if (ExpectsKey()) {
      if (value.is_structured()) {
        throw Wrong{mark, "a key that is a list or a map"};
      }
      if (frames_.back().value.contains(text)) {
        throw Wrong{mark, absl::StrCat("the key \"", text.substr(0, 128), "\" is there twice")};
      }
      frames_.back().key = text;
      return;
    }
    Notice(mark);
    if (anchor != 0) {
      anchors_[anchor] = {value, 1};
    }
    Place(std::move(value));
  }

  void Open(const YAML::Mark& mark, YAML::anchor_t anchor, Json empty) {
    ++values_;
    if (ExpectsKey()) {
      throw Wrong{mark, "a key that is a list or a map"};
    }
    Notice(mark);
    frames_.push_back(
        {.value = std::move(empty), .anchor = anchor, .values_before = values_, .key = {}});
  }

  void Close() {
    Frame frame = std::move(frames_.back());
    frames_.pop_back();
    if (frame.anchor != 0) {
      anchors_[frame.anchor] = {frame.value, values_ - frame.values_before + 1};
    }
    Place(std::move(frame.value));
  }

  void Place(Json value) {
    if (frames_.empty()) {
      document_ = std::move(value);
      return;
    }
    Frame& parent = frames_.back();
    if (parent.value.is_array()) {
      parent.value.push_back(std::move(value));
      return;
    }
    parent.value[*parent.key] = std::move(value);
    parent.key.reset();
  }

  // Is the value that begins here the wanted one, or around it?
  void Notice(const YAML::Mark& mark) {
    if (wanted_.empty()) {
      return;
    }
    std::string path;
    for (const Frame& frame : frames_) {
      absl::StrAppend(&path, frame.key ? absl::StrCat(path.empty() ? "" : ".", *frame.key)
                                       : absl::StrCat("[", frame.value.size(), "]"));
    }
    const bool around =
        wanted_.starts_with(path) && (wanted_.size() == path.size() ||
                                      wanted_[path.size()] == '.' || wanted_[path.size()] == '[');
    if (around && path.size() > matched_) {
      matched_ = path.size();
      line_ = mark.line + 1;
    }
  }

  const std::string_view wanted_;
  std::size_t matched_ = 0;  // characters of it
  int line_ = 0;
  std::size_t values_ = 0;
  std::size_t aliased_ = 0;
  std::vector<Frame> frames_;
  std::map<YAML::anchor_t, std::pair<Json, std::size_t>> anchors_;  // with how many values it has
  Json document_;
};

// True while there are documents.
bool Next(YAML::Parser& parser, Builder& builder, std::optional<YamlError>& error) {
  YAML::Mark mark;
  std::string text;
  try {
    return parser.HandleNextDocument(builder);
  } catch (const YAML::Exception& e) {
    mark = e.mark;
    text = e.msg;
  } catch (const Wrong& e) {
    mark = e.mark;
    text = e.text;
  }
  error = YamlError{.line = mark.line + 1, .column = mark.column + 1, .text = std::move(text)};
  return false;
}

}  // namespace

YamlDocuments ParseYaml(const std::string& text) {
  YamlDocuments result;
  std::istringstream stream(text);
  YAML::Parser parser(stream);
  Builder builder;
  while (Next(parser, builder, result.error)) {
    result.documents.push_back(builder.TakeDocument());
  }
  return result;
}

int LineOf(const std::string& text, std::size_t document, std::string_view field) {
  std::istringstream stream(text);
  YAML::Parser parser(stream);
  std::optional<YamlError> ignored;
  Builder builder(field.empty() ? std::string_view("\n") : field);  // no field is called so
  for (std::size_t i = 0; Next(parser, builder, ignored); ++i) {
    if (i == document) {
      return builder.line();
    }
  }
  return 0;
}

}  // namespace pollux::kubernetes
