#include "vhost/port_factory.h"

#include <utility>
#include <variant>

#include "vhost/ethdev/ethdev_port.h"
#include "vhost/memif/memif_port.h"
#include "vhost/packet_generator.h"
#include "vhost/port_spec_check.h"
#include "vhost/tap/tap_port.h"
#include "vhost/vhost_user/vhost_user_port.h"

namespace pollux::vhost {
namespace {

using Maker = absl::StatusOr<std::unique_ptr<core::Port>> (*)(net::PortId, core::PortSpec,
                                                              PortContext&);

struct MakerOf {
  Maker operator()(const core::TapSpec&) const { return MakeTapPort; }
  Maker operator()(const core::VhostUserSpec&) const { return MakeVhostUserPort; }
  Maker operator()(const core::MemifSpec&) const { return MakeMemifPort; }
  Maker operator()(const core::EthdevSpec& ethdev) const {
    return IsPacketGenerator(ethdev.devargs) ? MakePacketGenerator : MakeEthdevPort;
  }
};

}  // namespace

absl::StatusOr<std::unique_ptr<core::Port>> MakePort(net::PortId id, core::PortSpec spec,
                                                     PortContext& context) {
  if (absl::Status status = CheckPortSpec(spec); !status.ok()) {
    return status;
  }
  const Maker make = std::visit(MakerOf{}, spec.backend);
  return make(id, std::move(spec), context);
}

}  // namespace pollux::vhost
