#include "dataplane/core/epochs.h"

namespace pollux::core {

Epochs::Epochs(std::uint32_t capacity)
    : ids_(capacity), epochs_(std::make_unique<std::atomic<Sum>[]>(capacity)) {}

void Epochs::Release(net::ObjectId id) {
  Bump(id, Change::kClosing);
  ids_.Release(id.value());
}

void Epochs::Bump(net::ObjectId id, Change change) {
  epochs_[id.value()].fetch_add(change == Change::kClosing ? kClosingStep : 1U,
                                std::memory_order_release);
}

}  // namespace pollux::core
