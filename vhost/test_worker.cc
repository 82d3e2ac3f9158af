#include "vhost/test_worker.h"

#include <glog/logging.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>

#include <array>

namespace pollux::vhost {

std::vector<Received> TestWorker::Receive(core::Port& port, unsigned queue) {
  rcu_.Online(id_);
  batch_.Reset(port.id());
  port.rx_queue(queue).Receive(batch_);
  std::vector<Received> content = ContentOf(batch_);
  port.rx_queue(queue).Release(batch_);
  rcu_.Offline(id_);
  return content;
}

std::vector<core::DropReason> TestWorker::Send(core::Port& port, const std::vector<Bytes>& frames) {
  std::vector<TestPacket> packets = MakePackets(frames);
  rcu_.Online(id_);
  port.Send(id_, Pointers(packets));
  rcu_.Offline(id_);
  return DropsOf(packets);
}

bool TestWorker::Arm(core::Port& port, unsigned queue) {
  rcu_.Online(id_);
  const bool busy = port.rx_queue(queue).Arm();
  rcu_.Offline(id_);
  return busy;
}

void TestWorker::Disarm(core::Port& port, unsigned queue) {
  rcu_.Online(id_);
  port.rx_queue(queue).Disarm();
  rcu_.Offline(id_);
}

ForwardingThread::ForwardingThread(core::Rcu& rcu, net::WorkerId id,
                                   const std::vector<Route>& routes)
    : rcu_(rcu),
      id_(id),
      epoll_(epoll_create1(EPOLL_CLOEXEC)),
      stopped_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  for (const Route& route : routes) {
    for (unsigned i = 0; i < route.from.rx_queue_count(); ++i) {
      sources_.push_back({.queue = route.from.rx_queue(i), .from = route.from, .to = route.to});
    }
  }
  Watch(stopped_.get(), nullptr);
  thread_ = std::thread([this] { Loop(); });
}

ForwardingThread::~ForwardingThread() {
  stop_ = true;
  PCHECK(eventfd_write(stopped_.get(), 1) == 0);
  thread_.join();
}

void ForwardingThread::Watch(int fd, core::RxQueue* queue) {
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.ptr = queue;
  PCHECK(epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) == 0);
}

bool ForwardingThread::ForwardBurst(Source& source) {
  batch_.Reset(source.from.id());
  source.queue.Receive(batch_);
  if (batch_.size() == 0) {
    return false;
  }
  std::array<core::Packet*, core::kBurst> list;
  std::size_t count = 0;
  for (core::Packet& packet : batch_.packets()) {
    if (packet.drop == core::DropReason::kNone) {
      core::LoadHead(packet);
      list[count++] = &packet;
    }
  }
  if (count > 0) {
    source.to.Send(id_, {list.data(), count});
  }
  for (const core::Packet& packet : batch_.packets()) {
    (packet.drop == core::DropReason::kNone ? forwarded_ : dropped_) += 1;
  }
  source.queue.Release(batch_);
  return true;
}

void ForwardingThread::Sleep() {
  bool busy = false;
  for (Source& source : sources_) {
    const int fd = source.queue.wait_handle().fd;
    if (fd >= 0 && source.watched < 0) {
      Watch(fd, &source.queue);
      source.watched = fd;
    }
    busy |= fd < 0 || source.queue.Arm();
  }
  if (!busy) {
    std::array<epoll_event, 32> events;
    rcu_.Offline(id_);
    const int n = epoll_wait(epoll_.get(), events.data(), events.size(), -1);
    rcu_.Online(id_);
    for (int i = 0; i < n; ++i) {
      if (void* const queue = events[static_cast<std::size_t>(i)].data.ptr; queue != nullptr) {
        static_cast<core::RxQueue*>(queue)->AcknowledgeWake();
      }
    }
  }
  for (Source& source : sources_) {
    source.queue.Disarm();
  }
}

void ForwardingThread::Loop() {
  rcu_.Register(id_);
  rcu_.Online(id_);
  while (!stop_) {
    bool worked = false;
    for (Source& source : sources_) {
      worked |= ForwardBurst(source);
    }
    rcu_.Quiescent(id_);
    if (!worked) {
      Sleep();
    }
  }
  rcu_.Offline(id_);
  rcu_.Unregister(id_);
}

}  // namespace pollux::vhost
