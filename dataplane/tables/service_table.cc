#include "dataplane/tables/service_table.h"

#include <array>
#include <bit>

#include "dataplane/tables/hash_mix.h"

namespace pollux::tables {
namespace {

template <typename Address>
std::uint64_t Rest(const FrontendKey<Address>& key) {
  return std::uint64_t{key.port} << 8 | static_cast<std::uint64_t>(key.protocol);
}

std::uint64_t HashOf(const std::array<std::uint8_t, 16>& bytes, std::uint64_t rest) {
  const auto words = std::bit_cast<std::array<std::uint64_t, 2>>(bytes);
  return HashMix(words[0] ^ HashMix(words[1] ^ HashMix(rest)));
}

}  // namespace

std::uint64_t ServiceHash::operator()(const FrontendKey<net::Ipv4Address>& key) const {
  return HashMix(std::uint64_t{key.ip.host()} << 32 | Rest(key));
}

std::uint64_t ServiceHash::operator()(const FrontendKey<net::Ipv6Address>& key) const {
  return HashOf(key.ip.bytes, Rest(key));
}

std::uint64_t ServiceHash::operator()(const FrontendKey<net::IpAddress>& key) const {
  return HashOf(key.ip.bytes(), Rest(key));
}

std::uint64_t ServiceHash::operator()(const net::IpAddress& ip) const {
  return HashOf(ip.bytes(), ip.is_v6() ? 1 : 0);
}

std::uint64_t ServiceHash::operator()(std::uint32_t id) const { return HashMix(id); }

const Frontend* ServiceTable::Find(const net::IpAddress& ip, net::IpProtocol protocol,
                                   std::uint16_t port) const {
  const Frontend* const* found =
      ip.is_v4() ? v4_.Find({ip.v4(), port, protocol}) : v6_.Find({ip.v6(), port, protocol});
  return found == nullptr ? nullptr : *found;
}

const Service* ServiceTable::FindService(std::uint32_t id) const {
  const std::shared_ptr<const Service>* found = services_.Find(id);
  return found == nullptr ? nullptr : found->get();
}

const Backend* ServiceTable::FindBackend(std::uint32_t service, const net::IpAddress& ip,
                                         std::uint16_t port) const {
  const Service* found = FindService(service);
  return found == nullptr
             ? nullptr
             : found->backends->Find(BackendIdentity(ip, port, found->config->protocol), ip, port);
}

}  // namespace pollux::tables
