#include "control/vswitchctl/port_kind.h"

#include <absl/strings/str_cat.h>
#include <absl/strings/str_join.h>

#include <algorithm>

namespace pollux::ctl {
namespace {

constexpr const char* kTap = "tap";
constexpr const char* kVhostUser = "vhost-user";
constexpr const char* kMemif = "memif";
constexpr const char* kEthdev = "ethdev";

struct FlagRow {
  const char* flag;
  bool given;
  std::vector<std::string> types;
  bool required = false;
};

std::vector<FlagRow> RowsOf(const KindFlags& flags) {
  return {
      {"--netns", flags.netns.has_value(), {kTap}},
      {"--ifname", flags.ifname.has_value(), {kTap}},
      {"--socket", flags.socket.has_value(), {kVhostUser, kMemif}, true},
      {"--mode", flags.mode.has_value(), {kVhostUser}},
      {"--role", flags.role.has_value(), {kMemif}},
      {"--id", flags.id.has_value(), {kMemif}},
      {"--socket-owner", flags.socket_owner.has_value(), {kVhostUser, kMemif}},
      {"--socket-mode", flags.socket_mode.has_value(), {kVhostUser, kMemif}},
      {"--devargs", flags.devargs.has_value(), {kEthdev}, true},
  };
}

std::optional<std::string> Misfit(const KindFlags& flags) {
  for (const FlagRow& row : RowsOf(flags)) {
    const bool fits = std::ranges::find(row.types, flags.type) != row.types.end();
    if (row.given && !fits) {
      return absl::StrCat(row.flag, " does not fit --type ", flags.type, ": it is for ",
                          absl::StrJoin(row.types, " and "));
    }
    if (fits && row.required && !row.given) {
      return absl::StrCat("--type ", flags.type, " needs ", row.flag);
    }
  }
  return std::nullopt;
}

template <typename SocketPort>
void FillSocket(const KindFlags& flags, SocketPort* port) {
  port->set_socket(flags.socket.value_or(""));
  port->set_socket_owner(flags.socket_owner.value_or(""));
  port->set_socket_mode(flags.socket_mode.value_or(""));
}

}  // namespace

std::optional<std::string> FillKind(const KindFlags& flags, api::Port* port) {
  if (std::optional<std::string> misfit = Misfit(flags)) {
    return misfit;
  }
  if (flags.type == kTap) {
    port->mutable_tap()->set_netns(flags.netns.value_or(""));
    port->mutable_tap()->set_ifname(flags.ifname.value_or(""));
  } else if (flags.type == kVhostUser) {
    FillSocket(flags, port->mutable_vhost_user());
    port->mutable_vhost_user()->set_mode(flags.mode.value_or(""));
  } else if (flags.type == kMemif) {
    FillSocket(flags, port->mutable_memif());
    port->mutable_memif()->set_id(flags.id.value_or(0));
    port->mutable_memif()->set_role(flags.role.value_or(""));
  } else {
    port->mutable_ethdev()->set_devargs(flags.devargs.value_or(""));
  }
  return std::nullopt;
}

std::string TypeOf(const api::Port& port) {
  switch (port.kind_case()) {
    case api::Port::kTap:
      return kTap;
    case api::Port::kVhostUser:
      return kVhostUser;
    case api::Port::kMemif:
      return kMemif;
    case api::Port::kEthdev:
      return kEthdev;
    case api::Port::KIND_NOT_SET:
      break;
  }
  return "";
}

}  // namespace pollux::ctl
