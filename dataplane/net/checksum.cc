#include "dataplane/net/checksum.h"

#include <cstring>

namespace pollux::net {
namespace {

std::uint16_t Fold(std::uint64_t sum) {
  sum = (sum & 0xffffffff) + (sum >> 32);
  sum = (sum & 0xffffffff) + (sum >> 32);
  sum = (sum & 0xffff) + (sum >> 16);
  sum = (sum & 0xffff) + (sum >> 16);
  return static_cast<std::uint16_t>(sum);
}

// Sum of 32-bit loads: two 16-bit columns at once, the carries fold back in later. 64 bits hold
// 2^32 such words, so nothing is lost before the fold.
std::uint64_t SumWords(const std::uint8_t* at, std::size_t length) {
  std::uint64_t sum = 0;
  for (; length >= 16; at += 16, length -= 16) {
    std::uint32_t words[4];
    std::memcpy(words, at, sizeof words);
    sum += std::uint64_t{words[0]} + words[1] + words[2] + words[3];
  }
  for (; length >= 2; at += 2, length -= 2) {
    std::uint16_t word = 0;
    std::memcpy(&word, at, sizeof word);
    sum += word;
  }
  if (length == 1) {
    sum += *at;  // padded with a zero byte behind: little endian keeps it in the low half
  }
  return sum;
}

}  // namespace

void ChecksumAccumulator::Add(std::span<const std::uint8_t> bytes) {
  if (bytes.empty()) {
    return;
  }
  if (odd_) {
    sum_ += std::uint64_t{bytes[0]} << 8;
    bytes = bytes.subspan(1);
    odd_ = false;
  }
  sum_ += Fold(SumWords(bytes.data(), bytes.size()));
  odd_ = bytes.size() % 2 == 1;
}

std::uint16_t ChecksumAccumulator::FoldedRaw() const { return Fold(sum_); }

Be16 InternetChecksum(std::span<const std::uint8_t> bytes) {
  ChecksumAccumulator sum;
  sum.Add(bytes);
  return sum.Finish();
}

namespace {

template <typename Address>
ChecksumAccumulator PseudoSum(const Address& source, const Address& destination,
                              IpProtocol protocol, std::uint32_t l4_length) {
  ChecksumAccumulator sum;
  sum.Add({reinterpret_cast<const std::uint8_t*>(&source), sizeof source});
  sum.Add({reinterpret_cast<const std::uint8_t*>(&destination), sizeof destination});
  sum.AddWord(Be16{static_cast<std::uint16_t>(l4_length >> 16)});
  sum.AddWord(Be16{static_cast<std::uint16_t>(l4_length)});
  sum.AddWord(Be16{static_cast<std::uint8_t>(protocol)});
  return sum;
}

}  // namespace

ChecksumAccumulator PseudoHeaderSum(const Ipv4Header& ip, IpProtocol protocol,
                                    std::uint32_t l4_length) {
  return PseudoSum(ip.source, ip.destination, protocol, l4_length);
}

ChecksumAccumulator PseudoHeaderSum(const Ipv6Header& ip, IpProtocol protocol,
                                    std::uint32_t l4_length) {
  return PseudoSum(ip.source, ip.destination, protocol, l4_length);
}

}  // namespace pollux::net
