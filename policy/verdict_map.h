// Which traffic is allowed, by whom: the hashed map behind every policy verdict. Only what is
// allowed is in it.
// Threading: immutable once made; any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace pollux::policy {

// Numbers that the compiler gives out; 0 is "none" or "any".
struct VerdictKey {
  std::uint32_t policy_set = 0;  // of the pod that is judged, in one direction
  std::uint32_t pod = 0;         // the peer's profile
  std::uint32_t cidr = 0;        // the peer's longest prefix among those of the rules
  std::uint32_t port_class = 0;  // PortClasses
  friend bool operator==(const VerdictKey&, const VerdictKey&) = default;
};

class VerdictMap {
 public:
  static constexpr std::uint32_t kNoRule = 0xffffffff;
  // The rules that allow it: one of those that are enforced, one of those that are audited.
  struct Value {
    std::uint32_t enforced = kNoRule;
    std::uint32_t audited = kNoRule;
  };
  struct Entry {
    VerdictKey key;
    Value value;
  };

  VerdictMap() : VerdictMap(std::span<const Entry>{}) {}
  // No key twice.
  explicit VerdictMap(std::span<const Entry> entries);

  // No rules if it is not there. Looks at longest_probe() slots at most.
  [[nodiscard]] Value Find(const VerdictKey& key) const;
  [[nodiscard]] std::size_t size() const { return size_; }
  [[nodiscard]] std::size_t longest_probe() const { return longest_probe_; }

 private:
  [[nodiscard]] std::size_t SlotOf(const VerdictKey& key) const;

  std::vector<Entry> slots_;  // a power of two, at most half full; policy_set 0: free
  std::size_t size_ = 0;
  std::size_t longest_probe_ = 0;
};

}  // namespace pollux::policy
