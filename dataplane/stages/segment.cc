#include "dataplane/stages/segment.h"

#include <algorithm>
#include <cstring>

#include "dataplane/net/checksum.h"

namespace pollux::stages {
namespace {

using core::Packet;
using net::Be16;
using net::Ipv4Header;

// The L4 header of a GSO frame; 0 if it is not what the offload says.
std::uint32_t L4HeaderLength(const Packet& packet) {
  if (packet.offload.gso == core::Gso::kUdp) {
    return packet.protocol == net::IpProtocol::kUdp ? sizeof(net::UdpHeader) : 0;
  }
  const auto* tcp = packet.HeaderAt<net::TcpHeader>(packet.l4_offset);
  return packet.protocol == net::IpProtocol::kTcp && tcp != nullptr ? tcp->header_length() : 0;
}

void SetIpv4Checksum(Packet& piece) {
  Ipv4Header& ip = piece.ipv4();
  ip.checksum = {};
  ip.checksum = net::InternetChecksum({piece.head + piece.l3_offset, ip.header_length()});
}

void AddLength(net::ChecksumAccumulator& sum, std::uint32_t length, bool subtract) {
  for (const std::uint32_t half : {length >> 16, length & 0xffff}) {
    sum.AddWord(Be16(static_cast<std::uint16_t>(subtract ? ~half : half)));
  }
}

// The pseudo-header of a piece differs from the frame's by its length alone. (Its addresses need
// not be those of the IPv6 header: RFC 8200 section 8.1 on routing headers.)
void AdjustPartialChecksum(Be16& checksum, std::uint32_t before, std::uint32_t after) {
  net::ChecksumAccumulator sum;
  sum.AddWord(checksum);
  AddLength(sum, before, true);
  AddLength(sum, after, false);
  checksum = Be16::FromRaw(sum.FoldedRaw());
}

// RFC 791 section 3.1: the top bit of an option's type says whether fragments repeat it.
void BlankUncopiedOptions(std::span<std::uint8_t> options) {
  constexpr std::uint8_t kEnd = 0;
  constexpr std::uint8_t kNoOperation = 1;
  constexpr std::uint8_t kCopied = 0x80;
  while (!options.empty() && options[0] != kEnd) {
    std::size_t length = 1;
    if (options[0] != kNoOperation) {
      length = options.size() < 2 ? 0 : options[1];
      if (length < 2 || length > options.size()) {
        return;  // parse refuses such packets
      }
      if ((options[0] & kCopied) == 0) {
        std::fill_n(options.begin(), length, kNoOperation);
      }
    }
    options = options.subspan(length);
  }
}

}  // namespace

bool Segmenter::Start(const Packet& packet, std::uint32_t header_length,
                      std::uint32_t piece_payload, std::uint32_t total) {
  if (header_length > packet.head_length || packet.head_length > core::kHeaderBytes ||
      piece_payload == 0 || total == 0 || total > std::uint64_t{piece_payload} * kMostPieces) {
    return false;
  }
  packet_ = &packet;
  header_length_ = header_length;
  piece_payload_ = piece_payload;
  offset_ = 0;
  total_ = total;
  segments_ = packet.segments;
  segments_left_ = packet.segment_count;
  segment_offset_ = 0;
  Advance(packet.payload_offset);
  return true;
}

bool Segmenter::StartSegments(const Packet& packet) {
  const std::uint32_t l4_header = L4HeaderLength(packet);
  const std::uint32_t header_length = packet.l4_offset + l4_header;
  if (!packet.offload.needs_checksum || l4_header == 0 || header_length > packet.frame_length()) {
    return false;
  }
  fragments_ = false;
  return Start(packet, header_length, packet.offload.gso_size,
               packet.frame_length() - header_length);
}

bool Segmenter::StartFragments(const Packet& packet, std::uint16_t mtu) {
  const auto* ip = packet.HeaderAt<Ipv4Header>(packet.l3_offset);
  if (packet.ip != core::IpVersion::k4 || ip == nullptr || packet.offload.needs_checksum ||
      (ip->fragment.value() & Ipv4Header::kDontFragment) != 0 || ip->header_length() > mtu) {
    return false;
  }
  fragments_ = true;
  const std::uint32_t units_of_8 = (mtu - ip->header_length()) & ~7U;
  const std::uint32_t header_length = packet.l3_offset + ip->header_length();
  return Start(packet, header_length, units_of_8, packet.frame_length() - header_length);
}

std::span<Packet> Segmenter::Next() {
  unsigned count = 0;
  for (; offset_ < total_ && count < kPieces; ++count) {
    const std::uint32_t length = std::min(piece_payload_, total_ - offset_);
    Packet& piece = Cut(count, length);
    if (fragments_) {
      PatchFragment(piece, length);
    } else {
      PatchSegment(piece, length);
    }
    offset_ += length;
  }
  return {pieces_.data(), count};
}

// Headers and the next `length` bytes behind them: first what the private head has of those.
Packet& Segmenter::Cut(unsigned index, std::uint32_t length) {
  Packet& piece = pieces_[index];
  piece = *packet_;
  piece.head = heads_[index].bytes.data();
  std::memcpy(piece.head, packet_->head, header_length_);
  const std::uint32_t in_head = packet_->head_length - header_length_;
  const std::uint32_t from_head = offset_ < in_head ? std::min(length, in_head - offset_) : 0;
  std::memcpy(piece.head + header_length_, packet_->head + header_length_ + offset_, from_head);
  piece.head_length = static_cast<std::uint16_t>(header_length_ + from_head);
  piece.segments = segments_;
  piece.segment_count = segments_left_;
  piece.payload_offset = segment_offset_;
  piece.payload_length = length - from_head;
  Advance(length - from_head);
  return piece;
}

void Segmenter::Advance(std::uint32_t foreign) {
  segment_offset_ += foreign;
  while (segments_left_ > 1 && segment_offset_ >= segments_->length) {
    segment_offset_ -= segments_->length;
    ++segments_;
    --segments_left_;
  }
}

void Segmenter::PatchSegment(Packet& piece, std::uint32_t length) const {
  piece.offload.gso = core::Gso::kNone;
  piece.offload.gso_size = 0;
  const std::uint32_t l3_end = header_length_ + length;
  if (piece.ip == core::IpVersion::k4) {
    Ipv4Header& ip = piece.ipv4();
    ip.total_length.set(static_cast<std::uint16_t>(l3_end - piece.l3_offset));
    ip.id.set(static_cast<std::uint16_t>(ip.id.value() + offset_ / piece_payload_));
    SetIpv4Checksum(piece);
  } else {
    constexpr std::uint32_t kHeader = sizeof(net::Ipv6Header);
    piece.ipv6().payload_length.set(static_cast<std::uint16_t>(l3_end - piece.l3_offset - kHeader));
  }
  const std::uint32_t l4_before = packet_->frame_length() - packet_->l4_offset;
  const std::uint32_t l4_after = l3_end - piece.l4_offset;
  if (piece.protocol == net::IpProtocol::kUdp) {
    auto& udp = *piece.HeaderAt<net::UdpHeader>(piece.l4_offset);
    udp.length.set(static_cast<std::uint16_t>(l4_after));
    AdjustPartialChecksum(udp.checksum, l4_before, l4_after);
    return;
  }
  auto& tcp = *piece.HeaderAt<net::TcpHeader>(piece.l4_offset);
  tcp.sequence.set(tcp.sequence.value() + offset_);
  constexpr unsigned kOfTheLast = net::TcpHeader::kFin | net::TcpHeader::kPsh;
  constexpr unsigned kOfTheFirst = net::TcpHeader::kCwr;  // RFC 3168 section 6.1.2
  const unsigned taken = (is_last(length) ? 0 : kOfTheLast) | (is_first() ? 0 : kOfTheFirst);
  tcp.flags = static_cast<std::uint8_t>(tcp.flags & ~taken);
  AdjustPartialChecksum(tcp.checksum, l4_before, l4_after);
}

void Segmenter::PatchFragment(Packet& piece, std::uint32_t length) const {
  Ipv4Header& ip = piece.ipv4();
  const unsigned header_length = ip.header_length();
  ip.total_length.set(static_cast<std::uint16_t>(header_length + length));
  // The packet may be a fragment itself: offsets add up, and its last piece keeps its M bit.
  const unsigned more = is_last(length) ? 0U : Ipv4Header::kMoreFragments;
  ip.fragment.set(static_cast<std::uint16_t>((ip.fragment.value() + offset_ / 8) | more));
  piece.is_fragment = true;
  if (!is_first()) {
    piece.is_first_fragment = false;
    piece.l4_offset = 0;
    BlankUncopiedOptions({piece.head + piece.l3_offset + sizeof ip, header_length - sizeof ip});
  } else {
    piece.is_first_fragment = packet_->l4_offset != 0;
  }
  SetIpv4Checksum(piece);
}

}  // namespace pollux::stages
