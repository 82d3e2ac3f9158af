// Which bytes of one IP datagram its fragments have brought, so that none brings them twice.
//
// Fragments that overlap are how a header is changed behind a filter's back, for receivers differ
// in which copy they take; a datagram with any is discarded whole (RFC 5722, the same for IPv4).
// Kept are the runs of bytes without gaps, at most 16: they are as many as the fragments that
// overtook others, whatever the datagram's length. Where fragments end within a run is not kept, so
// one that lies wholly in what has been seen counts as a duplicate (as in Linux): to drop it is
// enough, for no receiver gets to see an overlap.
// Threading: a plain value.
#pragma once

#include <array>
#include <cstdint>

namespace pollux::tables {

// A fragment's place in its datagram's fragmentable part. Parse has seen that it is not empty, and
// that it ends at 65535 or before.
struct FragmentPlace {
  std::uint16_t first = 0;  // bytes
  std::uint16_t end = 0;    // behind its last byte
  bool more = false;        // fragments follow
};

class FragmentRanges {
 public:
  static constexpr unsigned kMaxRuns = 16;

  enum class Result : std::uint8_t {
    kAdded,
    kDuplicate,    // brings nothing new
    kOverlap,      // brings something new and something that has been seen
    kContradicts,  // says that the datagram ends elsewhere than others said
    kScattered,    // would be the 17th run
  };

  // What is not added leaves no trace.
  Result Add(const FragmentPlace& place);

  // All bytes from the first to the last have been seen.
  [[nodiscard]] bool complete() const {
    return count_ == 1 && runs_[0].first == 0 && runs_[0].end == total_;
  }
  [[nodiscard]] unsigned runs() const { return count_; }

 private:
  struct Run {
    std::uint16_t first;
    std::uint16_t end;
  };

  [[nodiscard]] bool Contradicts(const FragmentPlace& place) const;
  Result Place(const FragmentPlace& place);
  // `run` overlaps nothing. It touches the run before `next` if `left` says so.
  Result Join(bool left, unsigned next, const Run& run);
  void Insert(unsigned at, const Run& run);
  void Erase(unsigned at);

  std::array<Run, kMaxRuns> runs_{};  // in their order, never touching each other
  std::uint16_t count_ = 0;
  std::uint16_t total_ = 0;  // bytes of the whole; 0: the last fragment has not been seen
};

}  // namespace pollux::tables
