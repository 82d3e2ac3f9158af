#include "control/agent/health_server.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <httplib.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <memory>
#include <thread>
#include <vector>

#include <nlohmann/json.hpp>

namespace pollux::agent {
namespace {

using services::HealthCheck;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

constexpr bool kReached = true;
const std::vector<net::IpAddress> kAnywhere = {net::IpAddress(net::Ipv6Address{})};

// A TCP socket at a port that nobody else has.
class Holder {
 public:
  Holder() : fd_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    socklen_t length = sizeof address;
    EXPECT_EQ(bind(fd_, reinterpret_cast<sockaddr*>(&address), length), 0);
    getsockname(fd_, reinterpret_cast<sockaddr*>(&address), &length);
    port_ = ntohs(address.sin_port);
  }
  Holder(const Holder&) = delete;
  Holder& operator=(const Holder&) = delete;
  ~Holder() { close(fd_); }
  [[nodiscard]] std::uint16_t port() const { return port_; }

 private:
  int fd_;
  std::uint16_t port_ = 0;
};

std::uint16_t FreePort() { return Holder().port(); }

HealthCheck Check(std::uint16_t port, std::uint32_t endpoints) {
  return {.port = port, .service = {"shop", "web"}, .local_endpoints = endpoints};
}

httplib::Result Ask(std::uint16_t port, const char* host = "127.0.0.1", const char* path = "/") {
  httplib::Client client(host, port);
  client.set_connection_timeout(5);
  return client.Get(path);
}

TEST(HealthServer, AnswersAsKubeProxyDoes) {
  const std::uint16_t port = FreePort();
  HealthServer server;
  const struct {
    const char* sentence;
    std::uint32_t endpoints;
    bool reached;
    int status;
    const char* weight;
  } rows[] = {
      {"two endpoints here", 2, kReached, 200, "2"},
      {"none is left", 0, kReached, 503, "0"},
      {"endpoints, but no switch that serves them", 2, !kReached, 503, "0"},
      {"and back", 1, kReached, 200, "1"},
  };
  for (const auto& row : rows) {
    SCOPED_TRACE(row.sentence);
    server.Serve(kAnywhere, {Check(port, row.endpoints)}, row.reached);
    for (const char* path : {"/", "/healthz"}) {
      const auto result = Ask(port, "127.0.0.1", path);
      ASSERT_TRUE(result);
      EXPECT_EQ(result->status, row.status);
      EXPECT_EQ(result->get_header_value("Content-Type"), "application/json");
      EXPECT_EQ(result->get_header_value("X-Load-Balancing-Endpoint-Weight"), row.weight);
      EXPECT_EQ(nlohmann::json::parse(result->body),
                (nlohmann::json{{"service", {{"namespace", "shop"}, {"name", "web"}}},
                                {"localEndpoints", row.endpoints},
                                {"serviceProxyHealthy", row.reached}}));
    }
  }
}

TEST(HealthServer, ListensForWhatIsAskedForAndNothingElse) {
  const std::uint16_t one = FreePort();
  const std::uint16_t two = FreePort();
  HealthServer server;
  server.Serve(kAnywhere, {Check(one, 1), Check(two, 1)}, kReached);
  EXPECT_TRUE(Ask(one));
  EXPECT_TRUE(Ask(two));
  server.Serve(kAnywhere, {Check(two, 1)}, kReached);
  EXPECT_FALSE(Ask(one));
  EXPECT_TRUE(Ask(two));
  server.Serve(kAnywhere, {}, kReached);
  EXPECT_FALSE(Ask(two));
}

TEST(HealthServer, OnlyAtTheAddressesThatServeNodePorts) {
  const std::uint16_t port = FreePort();
  HealthServer server;
  server.Serve({net::IpAddress::Parse("127.0.0.2").value()}, {Check(port, 1)}, kReached);
  EXPECT_TRUE(Ask(port, "127.0.0.2"));
  EXPECT_FALSE(Ask(port, "127.0.0.1"));
}

TEST(HealthServer, APortThatAnotherHasIsNamedAndTakenLater) {
  auto holder = std::make_unique<Holder>();
  const std::uint16_t port = holder->port();
  HealthServer server;
  server.Serve(kAnywhere, {Check(port, 1)}, kReached);
  ASSERT_THAT(server.problems(), SizeIs(1));
  const kubernetes::ObjectProblem& problem = server.problems()[0];
  EXPECT_EQ(problem.object, (kubernetes::ObjectName{"shop", "web"}));
  EXPECT_EQ(problem.field, "spec.healthCheckNodePort");
  EXPECT_THAT(problem.text, HasSubstr("Address already in use"));
  holder.reset();
  server.Serve(kAnywhere, {Check(port, 1)}, kReached);
  EXPECT_THAT(server.problems(), IsEmpty());
  EXPECT_TRUE(Ask(port));
}

TEST(HealthServer, SilentClientsDelayTheOthersForAMomentOnly) {
  const std::uint16_t port = FreePort();
  HealthServer server;
  server.Serve(kAnywhere, {Check(port, 1)}, kReached);
  std::vector<int> sockets;
  for (int i = 0; i < 8; ++i) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    sockets.push_back(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    ASSERT_EQ(connect(sockets.back(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  }
  const auto result = Ask(port);
  EXPECT_TRUE(result);
  for (const int fd : sockets) {
    close(fd);
  }
}

}  // namespace
}  // namespace pollux::agent
