#include "control/vswitchctl/pcapng.h"

#include <utility>

namespace pollux::ctl {
namespace {

enum BlockType : std::uint32_t {
  kInterfaceDescription = 0x00000001,
  kEnhancedPacket = 0x00000006,
  kSectionHeader = 0x0a0d0d0a,
};
enum OptionCode : std::uint16_t {
  kEndOfOptions = 0,
  kComment = 1,
  kInterfaceName = 2,
  kUserApplication = 4,
  kTimeResolution = 9,
};
constexpr std::uint32_t kByteOrderMagic = 0x1a2b3c4d;
constexpr std::uint16_t kEthernet = 1;  // LINKTYPE_ETHERNET
constexpr char kNanoseconds = 9;        // units of 10^-9 s
constexpr std::size_t kMaxOption = 65535;
constexpr std::size_t kAlignment = 4;

class Block {
 public:
  explicit Block(BlockType type) : type_(type) {}

  Block& U16(std::uint16_t value) { return Append(value, sizeof value); }
  Block& U32(std::uint32_t value) { return Append(value, sizeof value); }
  Block& U64(std::uint64_t value) { return Append(value, sizeof value); }
  Block& Padded(std::string_view bytes) {
    body_ += bytes;
    body_.append((kAlignment - bytes.size() % kAlignment) % kAlignment, '\0');
    return *this;
  }
  Block& Option(OptionCode code, std::string_view value) {
    value = value.substr(0, kMaxOption);
    return U16(code).U16(static_cast<std::uint16_t>(value.size())).Padded(value);
  }

  void WriteTo(std::ostream& out) && {
    constexpr std::size_t kFraming = 12;  // type, and the length in front and behind
    const auto length = static_cast<std::uint32_t>(body_.size() + kFraming);
    Block framed(type_);
    framed.U32(type_).U32(length).Padded(body_).U32(length);
    out.write(framed.body_.data(), static_cast<std::streamsize>(framed.body_.size()));
  }

 private:
  Block& Append(std::uint64_t value, std::size_t bytes) {
    constexpr unsigned kByte = 8;
    constexpr std::uint64_t kByteMask = 0xff;
    for (std::size_t i = 0; i < bytes; ++i) {
      body_.push_back(static_cast<char>(value >> (kByte * i) & kByteMask));
    }
    return *this;
  }

  const BlockType type_;
  std::string body_;
};

}  // namespace

PcapngWriter::PcapngWriter(std::ostream& out, std::string_view program) : out_(out) {
  constexpr std::uint16_t kMajor = 1;
  constexpr std::uint16_t kMinor = 0;
  constexpr std::uint64_t kLengthUnknown = ~std::uint64_t{0};
  Block header(kSectionHeader);
  header.U32(kByteOrderMagic).U16(kMajor).U16(kMinor).U64(kLengthUnknown);
  header.Option(kUserApplication, program).Option(kEndOfOptions, "");
  std::move(header).WriteTo(out_);
  out_.flush();
}

void PcapngWriter::Write(const CapturedPacket& packet) {
  constexpr unsigned kHalf = 32;
  const std::uint32_t interface = InterfaceOf(packet.interface);
  Block block(kEnhancedPacket);
  block.U32(interface)
      .U32(static_cast<std::uint32_t>(packet.nanos >> kHalf))
      .U32(static_cast<std::uint32_t>(packet.nanos & ~std::uint32_t{0}))
      .U32(static_cast<std::uint32_t>(packet.data.size()))
      .U32(packet.original_length)
      .Padded(packet.data)
      .Option(kComment, packet.comment)
      .Option(kEndOfOptions, "");
  std::move(block).WriteTo(out_);
}

std::uint32_t PcapngWriter::InterfaceOf(const std::string& name) {
  const auto next = static_cast<std::uint32_t>(interfaces_.size());
  const auto [at, is_new] = interfaces_.try_emplace(name, next);
  if (is_new) {
    constexpr std::uint16_t kReserved = 0;
    constexpr std::uint32_t kNoLimit = 0;
    Block block(kInterfaceDescription);
    block.U16(kEthernet).U16(kReserved).U32(kNoLimit);
    block.Option(kInterfaceName, name).Option(kTimeResolution, {&kNanoseconds, 1});
    block.Option(kEndOfOptions, "");
    std::move(block).WriteTo(out_);
  }
  return at->second;
}

}  // namespace pollux::ctl
