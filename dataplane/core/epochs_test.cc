#include "dataplane/core/epochs.h"

#include <gtest/gtest.h>

namespace pollux::core {
namespace {

using Age = Epochs::Age;
using Change = Epochs::Change;

TEST(EpochsTest, ASumTellsWhetherOneOfItsObjectsChanged) {
  Epochs epochs(8);
  const net::ObjectId a = epochs.Allocate();
  const net::ObjectId b = epochs.Allocate();
  const net::ObjectId other = epochs.Allocate();
  const auto sum = [&] { return epochs.Of(a) + epochs.Of(b) + epochs.Of(net::ObjectId{}); };
  const Epochs::Sum kept = sum();
  EXPECT_EQ(Epochs::Compare(kept, sum()), Age::kFresh);
  epochs.Bump(other, Change::kClosing);
  EXPECT_EQ(Epochs::Compare(kept, sum()), Age::kFresh) << "of another object";
  epochs.Bump(b, Change::kOpening);
  EXPECT_EQ(Epochs::Compare(kept, sum()), Age::kStale);
  epochs.Bump(a, Change::kClosing);
  EXPECT_EQ(Epochs::Compare(kept, sum()), Age::kClosed);
  EXPECT_EQ(Epochs::Compare(sum(), sum()), Age::kFresh);
}

TEST(EpochsTest, OpeningChangesThatWrapCountAsClosing) {
  Epochs epochs(8);
  const net::ObjectId id = epochs.Allocate();
  const Epochs::Sum kept = epochs.Of(id);
  for (unsigned i = 0; i < 65536; ++i) {
    epochs.Bump(id, Change::kOpening);
  }
  EXPECT_EQ(Epochs::Compare(kept, epochs.Of(id)), Age::kClosed);
}

TEST(EpochsTest, AnIdThatIsUsedAgainIsAnotherObject) {
  Epochs epochs(8);
  const net::ObjectId first = epochs.Allocate();
  const Epochs::Sum kept = epochs.Of(first);
  epochs.Release(first);
  EXPECT_EQ(epochs.Allocate(), first);
  EXPECT_EQ(Epochs::Compare(kept, epochs.Of(first)), Age::kClosed);
}

TEST(EpochsTest, WhenAllAreInUseThereIsNone) {
  Epochs epochs(3);
  EXPECT_EQ(epochs.Allocate(), net::ObjectId{1});
  EXPECT_EQ(epochs.Allocate(), net::ObjectId{2});
  EXPECT_EQ(epochs.Allocate(), net::ObjectId{});
  EXPECT_EQ(epochs.in_use(), 2U);
  epochs.Release(net::ObjectId{1});
  EXPECT_EQ(epochs.in_use(), 1U);
}

}  // namespace
}  // namespace pollux::core
