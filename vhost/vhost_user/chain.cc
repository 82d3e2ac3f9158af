#include "vhost/vhost_user/chain.h"

namespace pollux::vhost::vhost_user {

std::span<std::uint8_t> ChainWalker::Fail() {
  failed_ = true;
  ended_ = true;
  return {};
}

// The chain continues in a table of its own, which must be the chain's last link and may not nest.
bool ChainWalker::EnterTable() {
  constexpr std::uint16_t kForbidden = Descriptor::kNext;
  if (!indirect_allowed_ || !table_.empty() || (descriptor_.flags & kForbidden) != 0 ||
      descriptor_.length == 0 || descriptor_.length % sizeof(Descriptor) != 0 ||
      descriptor_.length / sizeof(Descriptor) > ring_.size()) {
    return false;
  }
  table_ = memory_.Piece(descriptor_.address, descriptor_.length);
  if (table_.size() != descriptor_.length) {
    return false;
  }
  descriptor_ = CopyOnce<Descriptor>(table_.data());
  return (descriptor_.flags & Descriptor::kIndirect) == 0;
}

// Judges the descriptor at hand.
bool ChainWalker::Visit() {
  if ((descriptor_.flags & Descriptor::kIndirect) != 0 && !EnterTable()) {
    return false;
  }
  const bool writable = (descriptor_.flags & Descriptor::kWrite) != 0;
  if (writable != (direction_ == BufferDirection::kWrittenByDevice) || descriptor_.length == 0 ||
      visits_left_ == 0) {
    return false;
  }
  --visits_left_;
  offset_ = 0;
  visited_ = true;
  return true;
}

// Loads the following descriptor; false if its index is none.
bool ChainWalker::StepForward() {
  const std::uint32_t next = descriptor_.next;
  if (table_.empty()) {
    if (next >= ring_.size()) {
      return false;
    }
    descriptor_ = ring_.ReadDescriptor(next);
  } else {
    if (next >= table_.size() / sizeof(Descriptor)) {
      return false;
    }
    descriptor_ = CopyOnce<Descriptor>(table_.data() + next * sizeof(Descriptor));
    if ((descriptor_.flags & Descriptor::kIndirect) != 0) {
      return false;
    }
  }
  visited_ = false;
  return true;
}

std::span<std::uint8_t> ChainWalker::Next() {
  if (visited_ && offset_ == descriptor_.length) {
    if ((descriptor_.flags & Descriptor::kNext) == 0) {
      ended_ = true;
    } else if (!StepForward()) {
      return Fail();
    }
  }
  if (ended_) {
    return {};
  }
  if (!visited_ && !Visit()) {
    return Fail();
  }
  const auto piece = memory_.Piece(descriptor_.address + offset_, descriptor_.length - offset_);
  if (piece.empty()) {
    return Fail();
  }
  offset_ += piece.size();
  return piece;
}

}  // namespace pollux::vhost::vhost_user
