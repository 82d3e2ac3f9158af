// Identifiers and units that must not be mixed: each is a type of its own.
// Threading: plain values.
#pragma once

#include <compare>
#include <cstdint>
#include <functional>

namespace pollux::net {

template <typename Tag, typename T>
class StrongId {
 public:
  using Value = T;
  constexpr StrongId() = default;
  explicit constexpr StrongId(T value) : value_(value) {}
  [[nodiscard]] constexpr T value() const { return value_; }
  friend constexpr auto operator<=>(StrongId, StrongId) = default;

 private:
  T value_ = 0;
};

// A port of this switch. Dense, from 1; 0 is "no port". Reused only after the grace period.
using PortId = StrongId<struct PortIdTag, std::uint16_t>;
inline constexpr PortId kNoPort{};

// A worker thread, dense from 0, in the order of --cores.
using WorkerId = StrongId<struct WorkerIdTag, std::uint16_t>;

// An endpoint (pod, VM) attached to a port. Dense, from 1; 0 is "none".
using EndpointId = StrongId<struct EndpointIdTag, std::uint32_t>;

// VXLAN (RFC 7348) or Geneve (RFC 8926) network identifier, 24 bits.
using Vni = StrongId<struct VniTag, std::uint32_t>;

// A network whose addresses mean nothing in others; 0: that of the pods.
using Zone = StrongId<struct ZoneTag, std::uint16_t>;

// Something that decisions are made from and that may change: an endpoint, a route, a backend
// (core/epochs.h). Dense, from 1; 0 never changes.
using ObjectId = StrongId<struct ObjectIdTag, std::uint32_t>;

// The configuration's version: grows by one with every change that the workers have.
using Revision = StrongId<struct RevisionTag, std::uint64_t>;

// Nanoseconds of the monotonic clock.
using Nanos = StrongId<struct NanosTag, std::uint64_t>;

}  // namespace pollux::net

template <typename Tag, typename T>
struct std::hash<pollux::net::StrongId<Tag, T>> {
  std::size_t operator()(pollux::net::StrongId<Tag, T> id) const noexcept {
    return std::hash<T>{}(id.value());
  }
};
