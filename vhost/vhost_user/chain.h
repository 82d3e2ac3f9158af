// Walks one descriptor chain, indirect tables included, the slow and general way.
//
// Used where a frame does not lie in one buffer. Each descriptor is copied once when it is visited
// and judged by that copy; the walk ends after as many descriptors as the ring has (so a loop
// ends), and an indirect table is the last thing a chain may refer to. Threading: a value on one
// worker's stack.
#pragma once

#include <cstdint>
#include <span>

#include "vhost/vhost_user/vring.h"

namespace pollux::vhost::vhost_user {

enum class BufferDirection : std::uint8_t {
  kReadByDevice,     // the guest's transmit ring
  kWrittenByDevice,  // its receive ring
};

class ChainWalker {
 public:
  ChainWalker(const Device& device, const Vring& ring, BufferDirection direction,
              const Descriptor& first)
      : memory_(*device.memory),
        ring_(ring),
        direction_(direction),
        indirect_allowed_(device.indirect),
        descriptor_(first),
        visits_left_(ring.size()) {}

  // The next piece of the guest's memory, never empty. An empty span: the end, or something was
  // wrong (failed()).
  std::span<std::uint8_t> Next();
  [[nodiscard]] bool failed() const { return failed_; }

 private:
  std::span<std::uint8_t> Fail();
  bool Visit();
  bool EnterTable();
  bool StepForward();

  const MemoryTable& memory_;
  const Vring& ring_;
  BufferDirection direction_;
  bool indirect_allowed_;
  Descriptor descriptor_;  // the one being visited, a private copy
  std::uint32_t visits_left_;
  std::uint64_t offset_ = 0;  // bytes of it already handed out (it may span regions)
  bool visited_ = false;      // checked already
  bool ended_ = false;
  bool failed_ = false;
  std::span<const std::uint8_t> table_;  // indirect: where `next` points into
};

}  // namespace pollux::vhost::vhost_user
