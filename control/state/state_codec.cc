#include <absl/strings/numbers.h>
#include <absl/strings/str_format.h>
#include <absl/strings/str_split.h>
#include <zlib.h>

#include <string>
#include <vector>

#include "control/proto/vswitch/v1/vswitch.pb.h"
#include "control/state/state_file.h"
#include "control/state/translate.h"

namespace pollux::control {
namespace {

constexpr std::string_view kMagic = "pollux-state";
constexpr std::uint32_t kVersion = 1;

std::uint32_t Checksum(std::string_view body) {
  return static_cast<std::uint32_t>(
      crc32_z(0, reinterpret_cast<const Bytef*>(body.data()), body.size()));
}

// The body behind a header line that vouches for it.
absl::StatusOr<std::string_view> CheckedBody(std::string_view contents) {
  const std::size_t end = contents.find('\n');
  const std::vector<std::string> header = absl::StrSplit(std::string(contents.substr(0, end)), ' ');
  std::uint32_t version = 0;
  if (end == std::string_view::npos || header.size() < 2 || header[0] != kMagic ||
      !absl::SimpleAtoi(header[1], &version) || version == 0) {
    return absl::DataLossError("it does not begin as a state file does");
  }
  // Whatever else a newer version's header holds.
  if (version > kVersion) {
    return absl::FailedPreconditionError(
        absl::StrFormat("it is of version %d, this vswitchd reads up to %d", version, kVersion));
  }
  if (header.size() != 4) {
    return absl::DataLossError("its header is damaged");
  }
  const std::string_view body = contents.substr(end + 1);
  std::uint64_t length = 0;
  if (!absl::SimpleAtoi(header[3], &length) || length != body.size()) {
    return absl::DataLossError(
        absl::StrFormat("it has %d bytes where its header says %s", body.size(), header[3]));
  }
  if (header[2] != absl::StrFormat("%08x", Checksum(body))) {
    return absl::DataLossError("its checksum is wrong");
  }
  return body;
}

absl::StatusOr<Object> WithItsOwner(const api::Object& item) {
  const absl::StatusOr<Owner> owner = OwnerFromProto(OwnerIn(item));
  return owner.ok() ? FromProto(item, *owner) : owner.status();
}

}  // namespace

std::string Encode(const SavedState& saved) {
  api::GetConfigReply reply;
  reply.set_revision(saved.revision.value());
  for (const Owner owner : {Owner::kCli, Owner::kAgent}) {
    for (const Object& object : ObjectsOf(saved.state, owner)) {
      *reply.add_items() = ToProto(object);
    }
  }
  const std::string body = reply.SerializeAsString();
  return absl::StrFormat("%s %d %08x %d\n%s", kMagic, kVersion, Checksum(body), body.size(), body);
}

absl::StatusOr<SavedState> Decode(std::string_view contents) {
  const absl::StatusOr<std::string_view> body = CheckedBody(contents);
  if (!body.ok()) {
    return body.status();
  }
  api::GetConfigReply reply;
  if (!reply.ParseFromArray(body->data(), static_cast<int>(body->size()))) {
    return absl::DataLossError("its contents cannot be parsed");
  }
  SavedState saved{.revision = net::Revision{reply.revision()}, .state = {}};
  for (const api::Object& item : reply.items()) {
    const absl::StatusOr<Object> object = WithItsOwner(item);
    if (!object.ok()) {
      return absl::DataLossError(object.status().message());
    }
    Insert(saved.state, *object);
  }
  return saved;
}

}  // namespace pollux::control
