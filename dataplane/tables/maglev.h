// Which backend takes a client's new connection: consistent hashing after Eisenbud et al.,
// "Maglev", NSDI 2016, section 3.4.
//
// Every backend walks a permutation of the table's slots that only its own identity decides, and
// the backends take turns to claim the next slot that is free. So each gets its share but for one
// slot, and when one leaves, the others keep nearly all of theirs. Nothing in it is random per
// process: every node, and a switch that was restarted, makes the same choice.
// Threading: immutable after construction.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "dataplane/net/address.h"
#include "dataplane/net/headers.h"

namespace pollux::tables {

// What a backend is to every node, wherever it stands in a list.
std::uint64_t BackendIdentity(const net::IpAddress& ip, std::uint16_t port,
                              net::IpProtocol protocol);

class Maglev {
 public:
  static constexpr std::size_t kMaxBackends = 100'000;

  Maglev() = default;  // nobody to pick
  // Ascending identities, kMaxBackends at most: their order decides whose turn is first.
  explicit Maglev(std::span<const std::uint64_t> identities);

  [[nodiscard]] bool empty() const { return size_ == 0; }
  [[nodiscard]] std::size_t size() const { return size_; }  // slots

  // The index of the identity that the client's hash leads to. Not of an empty table.
  [[nodiscard]] std::uint32_t Pick(std::uint64_t hash) const {
    const std::size_t slot = hash % size_;
    return wide_.empty() ? narrow_[slot] : wide_[slot];
  }

 private:
  std::size_t size_ = 0;
  std::vector<std::uint16_t> narrow_;  // one of the two, by the number of backends
  std::vector<std::uint32_t> wide_;
};

}  // namespace pollux::tables
