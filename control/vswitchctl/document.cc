#include "control/vswitchctl/document.h"

#include <absl/strings/str_cat.h>
#include <google/protobuf/util/json_util.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <array>
#include <string_view>

namespace pollux::ctl {
namespace {

using google::protobuf::Value;

std::string Json(const google::protobuf::Message& message, bool indented) {
  google::protobuf::util::JsonPrintOptions options;
  options.add_whitespace = indented;
  options.always_print_primitive_fields = true;
  std::string text;
  // Fails for malformed Any and Timestamp only, which the API does not have.
  (void)google::protobuf::util::MessageToJsonString(message, &text, options);
  return text;
}

// Strings that no reader of YAML 1.1 or 1.2 takes for anything else.
bool IsPlainString(std::string_view text) {
  constexpr std::array kWords = {"true", "false", "yes", "no", "on", "off", "null", "y", "n"};
  const auto is_letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); };
  const auto is_plain = [&](char c) {
    return is_letter(c) || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.' || c == '/';
  };
  std::string lower(text);
  std::transform(lower.begin(), lower.end(), lower.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  return !text.empty() && is_letter(text.front()) &&
         std::all_of(text.begin(), text.end(), is_plain) &&
         std::find(kWords.begin(), kWords.end(), lower) == kWords.end();
}

// `node` was read from JSON, where strings are those in quotes.
void Emit(const YAML::Node& node, YAML::Emitter* out) {
  switch (node.Type()) {
    case YAML::NodeType::Map:
      *out << (node.size() == 0 ? YAML::Flow : YAML::Block) << YAML::BeginMap;
      for (const auto& entry : node) {
        *out << YAML::Key << entry.first.Scalar() << YAML::Value;
        Emit(entry.second, out);
      }
      *out << YAML::EndMap;
      return;
    case YAML::NodeType::Sequence:
      *out << (node.size() == 0 ? YAML::Flow : YAML::Block) << YAML::BeginSeq;
      for (const auto& entry : node) {
        Emit(entry, out);
      }
      *out << YAML::EndSeq;
      return;
    case YAML::NodeType::Scalar:
      if (node.Tag() == "!" && !IsPlainString(node.Scalar())) {
        *out << YAML::DoubleQuoted;
      }
      *out << node.Scalar();
      return;
    default:
      *out << YAML::Null;
  }
}

void ToValue(const YAML::Node& node, Value* value) {
  switch (node.Type()) {
    case YAML::NodeType::Map:
      value->mutable_struct_value();
      for (const auto& entry : node) {
        ToValue(entry.second,
                &(*value->mutable_struct_value()->mutable_fields())[entry.first.Scalar()]);
      }
      return;
    case YAML::NodeType::Sequence:
      value->mutable_list_value();
      for (const auto& entry : node) {
        ToValue(entry, value->mutable_list_value()->add_values());
      }
      return;
    case YAML::NodeType::Scalar:
      if (const std::string& text = node.Scalar();
          node.Tag() != "!" && (text == "true" || text == "false")) {
        value->set_bool_value(text == "true");
      } else {
        value->set_string_value(text);
      }
      return;
    default:
      value->set_null_value(google::protobuf::NULL_VALUE);
  }
}

}  // namespace

std::string ToJson(const google::protobuf::Message& message) { return Json(message, true); }

std::string ToJsonLine(const google::protobuf::Message& message) {
  return Json(message, false) + "\n";
}

std::string ToYaml(const google::protobuf::Message& message) {
  YAML::Emitter out;
  Emit(YAML::Load(Json(message, false)), &out);
  return absl::StrCat(out.c_str(), "\n");
}

absl::StatusOr<Value> ParseDocument(const std::string& text) {
  Value value;
  // JSON is YAML, nearly (tabs, surrogate pairs); YAML's errors say where they are.
  if (google::protobuf::util::JsonStringToMessage(text, &value).ok()) {
    return value;
  }
  value.Clear();
  try {
    ToValue(YAML::Load(text), &value);
  } catch (const YAML::Exception& error) {
    return absl::InvalidArgumentError(absl::StrCat("line ", error.mark.line + 1, ", column ",
                                                   error.mark.column + 1, ": ", error.msg));
  }
  return value;
}

absl::Status FromValue(const Value& value, google::protobuf::Message* message) {
  std::string json;
  auto status = google::protobuf::util::MessageToJsonString(value, &json);
  if (status.ok()) {
    status = google::protobuf::util::JsonStringToMessage(json, message);
  }
  return status.ok() ? absl::OkStatus() : absl::InvalidArgumentError(status.message().as_string());
}

}  // namespace pollux::ctl
