// A configuration as text: what `config dump` prints and people write.
// Threading: pure functions.
#pragma once

#include <absl/status/statusor.h>

#include <map>
#include <string>
#include <vector>

#include "control/vswitchctl/api.h"

namespace pollux::ctl {

struct ConfigFile {
  std::vector<api::Object> objects;
  // How many objects of which other owner were left out: theirs are not ours to change.
  std::map<std::string, unsigned> left_out;
};

// JSON or YAML: {"items": [OBJECT...]} or the list alone. InvalidArgument names the object.
absl::StatusOr<ConfigFile> ParseConfig(const std::string& text);

}  // namespace pollux::ctl
