// The text forms that operators and peers write: addresses, prefixes, the packet generator's device
// string. What must hold:
//  - an IP address is one exactly if inet_pton says so, with the same value;
//  - what was read is the same when it is printed and read again;
//  - a generator that was accepted can be built: ranges, sizes and flows are within their limits.
#include <arpa/inet.h>
#include <glog/logging.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

#include "dataplane/core/batch.h"
#include "dataplane/net/address.h"
#include "vhost/packet_generator_frames.h"
#include "vhost/packet_generator_spec.h"

namespace pollux {
namespace {

template <typename Value>
void CheckRoundTrip(std::string_view text) {
  const auto value = Value::Parse(text);
  if (value) {
    const auto again = Value::Parse(value->ToString());
    CHECK(again && *again == *value) << value->ToString();
  }
}

template <typename Address>
void CheckAgainstLibc(const std::string& text, int family) {
  Address expected{};
  const bool valid = text.find('\0') == std::string::npos &&
                     inet_pton(family, text.c_str(), static_cast<void*>(&expected)) == 1;
  const auto parsed = Address::Parse(text);
  CHECK_EQ(parsed.has_value(), valid) << text;
  CHECK(!valid || std::memcmp(&*parsed, &expected, sizeof expected) == 0) << text;
}

void CheckGenerator(const std::string& text) {
  const auto spec = vhost::ParsePacketGenerator(text);
  if (!spec.ok()) {
    CHECK(absl::IsInvalidArgument(spec.status()));
    return;
  }
  CHECK(spec->flows >= 1 && spec->flows <= 1U << 24);
  CHECK(spec->burst >= 1 && spec->burst <= core::kBurst);
  CHECK_EQ(spec->source.first.is_v6(), spec->destination.first.is_v6());
  CHECK(spec->source.count > 0 && spec->destination.count > 0);
  for (const auto& ports : {spec->source_port, spec->destination_port}) {
    CHECK(ports.count > 0 && ports.first + ports.count <= 65536);
  }
  const std::size_t least = vhost::GeneratorHeaderBytes(*spec) + sizeof(vhost::GeneratorStamp);
  CHECK(!spec->sizes.empty());
  CHECK_GE(*std::min_element(spec->sizes.begin(), spec->sizes.end()), least);
}

}  // namespace
}  // namespace pollux

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace pollux;
  const std::string text(reinterpret_cast<const char*>(data), size);
  CheckAgainstLibc<net::Ipv4Address>(text, AF_INET);
  CheckAgainstLibc<net::Ipv6Address>(text, AF_INET6);
  CheckRoundTrip<net::IpAddress>(text);
  CheckRoundTrip<net::IpPrefix>(text);
  CheckRoundTrip<net::InterfaceAddress>(text);
  CheckRoundTrip<net::MacAddress>(text);
  CheckGenerator(text);
  return 0;
}
