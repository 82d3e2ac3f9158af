// Prints docs/drops.md from the table of drop reasons.
#include <iostream>
#include <string_view>

#include "dataplane/core/drop_reason.h"

namespace pollux {
namespace {

constexpr std::string_view kIntroduction = R"(# Drop reasons

Every packet that ends early is counted under one of these names, on the port that received it; the
reasons of the step `send` are counted on the port that should have taken it. See them with
`vswitchctl drops`. Generated from `dataplane/core/drop_reason.h` by `docs/generate`; do not edit.

How to read one that counts up: **normal** is part of ordinary life, **warning** says that something
is configured wrong or overloaded, **security** that somebody sends what he must not.
)";

std::string_view Name(core::DropSeverity severity) {
  switch (severity) {
    case core::DropSeverity::kNormal:
      return "normal";
    case core::DropSeverity::kWarning:
      return "warning";
    case core::DropSeverity::kSecurity:
      return "security";
  }
  return "";
}

void PrintPage(std::ostream& out) {
  out << kIntroduction;
  std::string_view step;
  for (unsigned i = 1; i < core::kDropReasonCount; ++i) {
    const core::DropReasonRow& row = core::Describe(static_cast<core::DropReason>(i));
    if (row.step != step) {
      step = row.step;
      out << "\n## " << step << "\n\n| reason | severity | what happened |\n|---|---|---|\n";
    }
    out << "| `" << row.name << "` | " << Name(row.severity) << " | " << row.text << " |\n";
  }
}

}  // namespace
}  // namespace pollux

int main() {
  pollux::PrintPage(std::cout);
  return 0;
}
