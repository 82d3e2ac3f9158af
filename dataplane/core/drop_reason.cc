#include "dataplane/core/drop_reason.h"

#include <array>

namespace pollux::core {
namespace {

constexpr std::array<DropReasonRow, kDropReasonCount> kRows = {
    {{"none", "", DropSeverity::kNormal, "not dropped"},
#define POLLUX_DROP_ROW(id, name, step, severity, text) {name, step, DropSeverity::severity, text},
     POLLUX_DROP_REASONS(POLLUX_DROP_ROW)
#undef POLLUX_DROP_ROW
    }};

}  // namespace

const DropReasonRow& Describe(DropReason reason) {
  return kRows[static_cast<unsigned>(reason) % kDropReasonCount];
}

std::optional<DropReason> DropReasonFromName(std::string_view name) {
  for (unsigned i = 1; i < kDropReasonCount; ++i) {
    if (kRows[i].name == name) {
      return static_cast<DropReason>(i);
    }
  }
  return std::nullopt;
}

}  // namespace pollux::core
