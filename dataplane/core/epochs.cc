#include "dataplane/core/epochs.h"

namespace pollux::core {

Epochs::Epochs(std::uint32_t capacity)
    : capacity_(capacity), epochs_(std::make_unique<std::atomic<Sum>[]>(capacity)) {}

net::ObjectId Epochs::Allocate() {
  if (!free_.empty()) {
    const net::ObjectId id = free_.back();
    free_.pop_back();
    return id;
  }
  return next_ < capacity_ ? net::ObjectId{next_++} : net::ObjectId{};
}

void Epochs::Release(net::ObjectId id) {
  Bump(id, Change::kClosing);
  free_.push_back(id);
}

void Epochs::Bump(net::ObjectId id, Change change) {
  epochs_[id.value()].fetch_add(change == Change::kClosing ? kClosingStep : 1U,
                                std::memory_order_release);
}

}  // namespace pollux::core
