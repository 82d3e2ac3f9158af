#include "control/agent/health_server.h"

#include <absl/strings/str_cat.h>
#include <httplib.h>
#include <sys/socket.h>

#include <atomic>
#include <cerrno>
#include <cstring>
#include <mutex>
#include <thread>

#include <nlohmann/json.hpp>

namespace pollux::agent {
namespace {

using services::HealthCheck;

// One slow client must not keep the others waiting, and none for long.
constexpr std::size_t kThreads = 4;
constexpr time_t kPatienceSeconds = 1;
constexpr std::size_t kMostBody = 1024;

constexpr const char* kAnyAddress = "::";    // of IPv4 as well
constexpr const char* kAnyIpv4 = "0.0.0.0";  // where the kernel has no IPv6

struct Answer {
  HealthCheck check;
  bool switch_is_reached = false;

  [[nodiscard]] bool serves() const { return switch_is_reached && check.local_endpoints > 0; }
};

void Write(const Answer& answer, httplib::Response& response) {
  const nlohmann::ordered_json body = {
      {"service",
       {{"namespace", answer.check.service.first}, {"name", answer.check.service.second}}},
      {"localEndpoints", answer.check.local_endpoints},
      {"serviceProxyHealthy", answer.switch_is_reached}};
  response.status = answer.serves() ? 200 : 503;
  response.set_header("X-Content-Type-Options", "nosniff");
  response.set_header("X-Load-Balancing-Endpoint-Weight",
                      std::to_string(answer.serves() ? answer.check.local_endpoints : 0));
  response.set_content(body.dump() + "\n", "application/json");
}

}  // namespace

class HealthServer::Listener {
 public:
  Listener() {
    // Not the library's own, SO_REUSEPORT: another process would get a part of the questions.
    server_.set_socket_options([](int fd) {
      const int yes = 1;
      setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    });
    server_.new_task_queue = [] { return new httplib::ThreadPool(kThreads); };
    server_.set_keep_alive_max_count(1);
    server_.set_keep_alive_timeout(kPatienceSeconds);  // for the first request, too
    server_.set_read_timeout(kPatienceSeconds);
    server_.set_write_timeout(kPatienceSeconds);
    server_.set_payload_max_length(kMostBody);
    server_.Get(".*", [this](const httplib::Request&, httplib::Response& response) {
      const std::lock_guard lock(mutex_);
      Write(answer_, response);
    });
  }
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;
  ~Listener() {
    if (thread_.joinable()) {
      server_.stop();
      thread_.join();
    }
  }

  // An errno value; 0: it listens.
  int Listen(const std::string& address, std::uint16_t port) {
    errno = 0;
    if (!server_.bind_to_port(address, port)) {
      return errno == 0 ? EADDRNOTAVAIL : errno;
    }
    thread_ = std::thread([this] {
      server_.listen_after_bind();
      ended_ = true;
    });
    while (!server_.is_running() && !ended_) {  // else stop() would not be heard
      std::this_thread::yield();
    }
    return 0;
  }

  void Set(Answer answer) {
    const std::lock_guard lock(mutex_);
    answer_ = std::move(answer);
  }

 private:
  httplib::Server server_;
  std::thread thread_;
  std::atomic<bool> ended_ = false;
  std::mutex mutex_;
  Answer answer_;
};

HealthServer::HealthServer() = default;
HealthServer::~HealthServer() = default;

void HealthServer::Serve(const std::vector<net::IpAddress>& addresses,
                         const std::vector<HealthCheck>& checks, bool switch_is_reached) {
  std::map<Place, Answer> wanted;
  for (const HealthCheck& check : checks) {
    for (const net::IpAddress& address : addresses) {
      wanted.emplace(Place{address.ToString(), check.port}, Answer{check, switch_is_reached});
    }
  }
  std::erase_if(listeners_, [&](const auto& entry) { return !wanted.contains(entry.first); });
  problems_.clear();
  for (const auto& [place, answer] : wanted) {
    std::unique_ptr<Listener>& listener = listeners_[place];
    if (listener == nullptr) {
      auto fresh = std::make_unique<Listener>();
      int error = fresh->Listen(place.first, place.second);
      if (error == EAFNOSUPPORT && place.first == kAnyAddress) {
        error = fresh->Listen(kAnyIpv4, place.second);
      }
      if (error != 0) {
        listeners_.erase(place);
        problems_.push_back(
            {"Service", answer.check.service, "spec.healthCheckNodePort",
             absl::StrCat("no load balancer can ask at ", place.first, " port ", place.second, ": ",
                          strerror(error), "; it is tried again")});
        continue;
      }
      listener = std::move(fresh);
    }
    listener->Set(answer);
  }
}

}  // namespace pollux::agent
