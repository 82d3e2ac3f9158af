// Messages as JSON and YAML text, and back.
//
// JSON is protobuf's mapping: lowerCamelCase, 64-bit numbers as strings, fields at their default
// printed. YAML is the same data.
// Threading: pure functions.
#pragma once

#include <absl/status/statusor.h>
#include <google/protobuf/message.h>
#include <google/protobuf/struct.pb.h>

#include <string>

namespace pollux::ctl {

std::string ToJson(const google::protobuf::Message& message);  // indented; ends with a newline
std::string ToJsonLine(const google::protobuf::Message& message);
std::string ToYaml(const google::protobuf::Message& message);

// A text in JSON or YAML, as it is. InvalidArgument says where it cannot be read. YAML's plain
// scalars other than true, false and null are strings: JSON's mapping takes those for numbers too.
absl::StatusOr<google::protobuf::Value> ParseDocument(const std::string& text);

// The message that JSON's mapping makes of a value; InvalidArgument names a field that is unknown
// or cannot have its value.
absl::Status FromValue(const google::protobuf::Value& value, google::protobuf::Message* message);

}  // namespace pollux::ctl
