#include "dataplane/tables/fragment_ranges.h"

#include <algorithm>

namespace pollux::tables {

FragmentRanges::Result FragmentRanges::Add(const FragmentPlace& place) {
  if (Contradicts(place)) {
    return Result::kContradicts;
  }
  const Result result = Place(place);
  if (result == Result::kAdded && !place.more) {
    total_ = place.end;
  }
  return result;
}

// As long as the end is not known, all that has been seen was followed by more.
bool FragmentRanges::Contradicts(const FragmentPlace& place) const {
  if (total_ != 0) {
    return place.more ? place.end >= total_ : place.end != total_;
  }
  return !place.more && count_ > 0 && place.end <= runs_[count_ - 1U].end;
}

FragmentRanges::Result FragmentRanges::Place(const FragmentPlace& place) {
  // The first run that does not end before the place: it overlaps, touches or follows.
  unsigned at = 0;
  while (at < count_ && runs_[at].end < place.first) {
    ++at;
  }
  const bool joins_left = at < count_ && runs_[at].end == place.first;
  const unsigned next = at + (joins_left ? 1 : 0);
  if (next < count_ && runs_[next].first < place.end) {
    const bool within = runs_[next].first <= place.first && place.end <= runs_[next].end;
    return within ? Result::kDuplicate : Result::kOverlap;
  }
  return Join(joins_left, next, {place.first, place.end});
}

FragmentRanges::Result FragmentRanges::Join(bool left, unsigned next, const Run& run) {
  const bool right = next < count_ && runs_[next].first == run.end;
  if (left && right) {
    runs_[next - 1].end = runs_[next].end;
    Erase(next);
  } else if (left) {
    runs_[next - 1].end = run.end;
  } else if (right) {
    runs_[next].first = run.first;
  } else if (count_ < kMaxRuns) {
    Insert(next, run);
  } else {
    return Result::kScattered;
  }
  return Result::kAdded;
}

void FragmentRanges::Insert(unsigned at, const Run& run) {
  std::copy_backward(runs_.begin() + at, runs_.begin() + count_, runs_.begin() + count_ + 1);
  runs_[at] = run;
  ++count_;
}

void FragmentRanges::Erase(unsigned at) {
  std::copy(runs_.begin() + at + 1, runs_.begin() + count_, runs_.begin() + at);
  --count_;
}

}  // namespace pollux::tables
