// Later fragments have no ports: which connection's they are is known from their first fragment.
//
// Theory of operation. A datagram's first fragment is decided like any packet; when it passes, it
// is entered here with its connection. Later fragments find the datagram by what all of them share
// and take the connection's verdict and translation, found again by its tuple: it may have been
// decided again, or be gone. Nothing is held back and nothing reassembled. A later fragment that
// comes before its first is dropped, as is one that brings bytes which have been seen; a datagram
// that contradicts itself is poisoned, and none of its fragments passes any more
// (fragment_ranges.h).
//
// A datagram is forgotten when it is complete, so that its identification may be used again at
// once (RFC 6864), else after its lifetime. Nothing else makes room: when a set or a port's quota
// is full, new datagrams are refused and those that are on their way go on. The hash is keyed:
// nobody can choose the set that his datagrams fill.
//
// A lock per set: fragments are rare, and two workers meet only over the same datagram.
// Threading: any thread.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "dataplane/core/keyed_hash.h"
#include "dataplane/core/spin_lock.h"
#include "dataplane/net/flow_key.h"
#include "dataplane/net/ids.h"
#include "dataplane/tables/fragment_ranges.h"

namespace pollux::tables {

class FragmentTable {
 public:
  static constexpr std::size_t kWays = 8;
  // From the first fragment on, and never renewed. Receivers wait 60 s (RFC 8200 section 4.5) or,
  // with Linux, 30 s: what comes later than that completes nothing there.
  static constexpr net::Nanos kLifetime{30'000'000'000};

  struct Options {
    std::uint32_t capacity = 0;        // datagrams; rounded up to a power of two, at least 8
    std::uint32_t quota_per_port = 0;  // datagrams that come from one port
  };
  struct Key {
    net::IpAddress source;  // as the fragments came
    net::IpAddress destination;
    std::uint32_t identification = 0;  // IPv4: 16 bits
    // Of the first header that is fragmented: IPv4's protocol, the fragment header's next header.
    // Not the L4 header's if extension headers come before it: later fragments don't say that.
    net::IpProtocol protocol{};
    net::Zone zone;
    net::PortId ingress;
    friend bool operator==(const Key&, const Key&) = default;
  };
  struct Owner {
    net::FlowTuple original;  // for ConnectionTable::Find
    bool reply = false;       // the datagram is of the direction that answers
    friend bool operator==(const Owner&, const Owner&) = default;
  };
  enum class Result : std::uint8_t {
    kKnown,        // passes; with all others the fragment is dropped
    kUnknown,      // no first fragment has passed
    kDuplicate,    // brings nothing new
    kOverlap,      // brings bytes again, with new ones: poisons the datagram
    kContradicts,  // says that the datagram ends elsewhere: poisons it
    kPoisoned,     // of such a datagram
    kScattered,    // leaves more gaps than are kept
    kQuota,        // the port has as many incomplete datagrams as it may
    kFull,
  };
  struct Found {
    Result result;
    Owner owner;  // kKnown
  };

  explicit FragmentTable(const Options& options);

  // A datagram's first fragment, which has passed all else and is of `owner`.
  Result AddFirst(const Key& key, const FragmentPlace& place, const Owner& owner, net::Nanos now);
  // Whose ingress is the direction's is for the caller to check, as with any packet.
  Found AddLater(const Key& key, const FragmentPlace& place, net::Nanos now);

  // Looks at `budget` sets, each in turn, and forgets the datagrams whose time is over. Datagrams
  // that are not looked for count against quotas until then: workers call it all the time.
  void Sweep(unsigned budget, net::Nanos now);

  [[nodiscard]] std::size_t capacity() const { return sets_.size() * kWays; }
  [[nodiscard]] std::uint32_t size() const { return size_.load(std::memory_order_relaxed); }
  [[nodiscard]] std::uint32_t size_of(net::PortId port) const {
    return by_port_[port.value()].load(std::memory_order_relaxed);
  }

 private:
  static constexpr unsigned kPorts = 4096;

  struct Datagram {
    net::Nanos end;  // of its life; 0: none
    Key key;
    Owner owner;
    FragmentRanges ranges;
    bool poisoned = false;
  };
  struct alignas(64) Set {
    core::SpinLock lock;
    std::array<Datagram, kWays> datagrams;
  };

  [[nodiscard]] Set& SetOf(const Key& key);
  static Result Add(Datagram& datagram, const FragmentPlace& place);

  // With the set's lock held.
  static Datagram* FindIn(Set& set, const Key& key);
  void Expire(Set& set, net::Nanos now);
  Result Begin(Set& set, const Key& key, const Owner& owner, net::Nanos now, Datagram*& datagram);
  void Forget(Datagram& datagram);
  bool TakeQuota(net::PortId port);

  const std::uint32_t quota_per_port_;
  const core::KeyedHash hash_ = core::KeyedHash::Random();
  std::vector<Set> sets_;
  std::atomic<std::size_t> cursor_{0};  // of Sweep
  std::atomic<std::uint32_t> size_{0};
  std::array<std::atomic<std::uint32_t>, kPorts> by_port_{};
};
std::string_view Name(FragmentTable::Result result);  // "overlap"

}  // namespace pollux::tables
