// Read-copy-update between the control side and the workers.
//
// Workers read what the control side publishes through atomic pointers without taking a lock.
// Before the control side frees or reuses what it has unpublished, it waits until every worker has
// passed a quiescent state (the top of its loop, where it holds no pointer). A worker that is about
// to sleep goes offline, so that nobody waits for it. A thin wrapper of rte_rcu_qsbr, which needs
// no EAL: unit tests use it as it is. Threading: see each member; Synchronize may be called by
// several threads at once.
#pragma once

#include <rte_rcu_qsbr.h>
#ifdef __SANITIZE_THREAD__
#include <sanitizer/tsan_interface.h>
#endif

#include <memory>

#include "dataplane/net/ids.h"

namespace pollux::core {

class Rcu {
 public:
  explicit Rcu(unsigned max_readers);

  // By the reader thread itself, in this order: Register, Online, (Quiescent | Offline, Online)*,
  // Offline, Unregister.
  void Register(net::WorkerId reader) { rte_rcu_qsbr_thread_register(qsbr_.get(), reader.value()); }
  void Unregister(net::WorkerId reader) {
    rte_rcu_qsbr_thread_unregister(qsbr_.get(), reader.value());
  }
  void Online(net::WorkerId reader) { rte_rcu_qsbr_thread_online(qsbr_.get(), reader.value()); }
  void Offline(net::WorkerId reader) {
    TellSanitizerReaderIsDone();
    rte_rcu_qsbr_thread_offline(qsbr_.get(), reader.value());
  }
  void Quiescent(net::WorkerId reader) { rte_rcu_qsbr_quiescent(qsbr_.get(), reader.value()); }

  // Returns when every online reader has passed a quiescent state since the call. Never call it
  // from a reader.
  void Synchronize() {
    // As rte_rcu_qsbr_synchronize, from its inline parts: ThreadSanitizer does not see into the
    // library and would miss that what readers did comes before the return.
    rte_rcu_qsbr_check(qsbr_.get(), rte_rcu_qsbr_start(qsbr_.get()), /*wait=*/true);
    TellSanitizerReadersAreDone();
  }

  // As Synchronize without waiting, which readers may do as well: whether every reader has passed a
  // quiescent state since a point in time.
  using Token = std::uint64_t;
  [[nodiscard]] Token Start() { return rte_rcu_qsbr_start(qsbr_.get()); }
  [[nodiscard]] bool Passed(Token since) {
    if (rte_rcu_qsbr_check(qsbr_.get(), since, /*wait=*/false) == 0) {
      return false;
    }
    TellSanitizerReadersAreDone();
    return true;
  }

 private:
  // A reader that goes online again replaces what it stored when it went offline by a relaxed store
  // and a fence. ThreadSanitizer knows no fences, so it would take what the reader did before that
  // for a race with what comes after Synchronize().
#ifdef __SANITIZE_THREAD__
  void TellSanitizerReaderIsDone() { __tsan_release(qsbr_.get()); }
  void TellSanitizerReadersAreDone() { __tsan_acquire(qsbr_.get()); }
#else
  void TellSanitizerReaderIsDone() {}
  void TellSanitizerReadersAreDone() {}
#endif

  struct Free {
    void operator()(rte_rcu_qsbr* qsbr) const;
  };
  std::unique_ptr<rte_rcu_qsbr, Free> qsbr_;
};

}  // namespace pollux::core
