#include "control/observe/port_names.h"

#include <absl/strings/str_cat.h>

namespace pollux::control {

void PortNames::Update(const Snapshot& snapshot) {
  for (const auto& [name, id] : snapshot.installed.ids) {
    names_[id] = name;
  }
}

std::string PortNames::Of(net::PortId id) const {
  if (id == net::kNoPort) {
    return "";
  }
  const auto at = names_.find(id);
  return at == names_.end() ? absl::StrCat("#", id.value()) : at->second;
}

}  // namespace pollux::control
