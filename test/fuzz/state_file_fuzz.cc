// A state file of any bytes, and any bytes behind a header that vouches for them: a damaged disk
// and a file that somebody else wrote. What must hold: it is refused with a reason, or what was
// read is the same when it is written and read again.
#include <absl/strings/str_format.h>
#include <glog/logging.h>
#include <zlib.h>

#include <cstdint>
#include <string>
#include <string_view>

#include "control/state/state_file.h"

namespace pollux::control {
namespace {

void CheckRoundTrip(std::string_view contents) {
  const absl::StatusOr<SavedState> saved = Decode(contents);
  if (!saved.ok()) {
    CHECK(absl::IsDataLoss(saved.status()) || absl::IsFailedPrecondition(saved.status()));
    CHECK(!saved.status().message().empty());
    return;
  }
  const std::string written = Encode(*saved);
  const absl::StatusOr<SavedState> again = Decode(written);
  CHECK(again.ok()) << again.status();
  CHECK(*again == *saved) << "another state after writing and reading it";
  CHECK_EQ(Encode(*again), written);
}

std::string Vouched(std::string_view body) {
  const auto sum = static_cast<std::uint32_t>(
      crc32(0, reinterpret_cast<const Bytef*>(body.data()), static_cast<uInt>(body.size())));
  return absl::StrFormat("pollux-state 1 %08x %d\n%s", sum, body.size(), body);
}

}  // namespace
}  // namespace pollux::control

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  pollux::control::CheckRoundTrip(bytes);
  pollux::control::CheckRoundTrip(pollux::control::Vouched(bytes));
  return 0;
}
