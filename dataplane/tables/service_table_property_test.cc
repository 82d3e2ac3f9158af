// Random changes: a table made of changes is that made from nothing, and both are what a plain
// reading of the configurations says.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>
#include <set>
#include <string>

#include "dataplane/tables/service_diff.h"
#include "dataplane/tables/service_table_builder.h"

namespace pollux::tables {
namespace {

using core::BackendConfig;
using core::FrontendConfig;
using core::FrontendKind;
using core::ServiceConfig;
using net::IpAddress;
using net::IpProtocol;
using Config = ServiceTableBuilder::Config;
using Objects = std::map<std::string, net::ObjectId>;  // of backends, by "service backend"

constexpr unsigned kNames = 12;
constexpr std::uint32_t kMostObjects = 1000;
constexpr unsigned kPorts = 3;

std::string NameOf(const ServiceConfig& service, const BackendConfig& backend) {
  return service.name + " " + std::to_string(static_cast<unsigned>(service.protocol)) + " " +
         backend.ip.ToString() + " " + std::to_string(backend.port);
}

class World {
 public:
  // What the next configuration is: some services come, go or change.
  std::vector<Config> Next() {
    for (unsigned i = 1 + Below(3); i > 0; --i) {
      // Not operator+: GCC 12 sees an overlap in it that is none.
      const std::string name = std::string("s").append(std::to_string(Below(kNames)));
      services_.erase(name);
      if (Below(4) != 0) {
        ServiceConfig service = Service(name);
        services_[name] = std::make_shared<const ServiceConfig>(std::move(service));
      }
    }
    std::vector<Config> configs;
    for (const auto& [name, service] : services_) {
      configs.push_back(service);
    }
    return configs;
  }
  IpAddress FrontendIp() {
    const unsigned i = Below(4);
    return Below(3) == 0 ? IpAddress(net::Ipv6Address{{0xfd, static_cast<std::uint8_t>(i)}})
                         : IpAddress(net::Ipv4Address::FromHost(0x0a600001 + i));
  }
  unsigned Below(unsigned limit) { return static_cast<unsigned>(random_() % limit); }
  IpProtocol Protocol() { return Below(2) == 0 ? IpProtocol::kTcp : IpProtocol::kUdp; }
  std::uint64_t Hash() { return random_(); }

 private:
  ServiceConfig Service(const std::string& name) {
    ServiceConfig service{.name = name, .protocol = Protocol(), .affinity_seconds = Below(3)};
    for (unsigned i = Below(4); i > 0; --i) {
      FrontendConfig frontend{.ip = FrontendIp(),
                              .port = static_cast<std::uint16_t>(1 + Below(kPorts)),
                              .kind = static_cast<FrontendKind>(Below(5)),
                              .local_only = Below(3) == 0};
      if (Free(service, frontend)) {
        service.frontends.push_back(frontend);
      }
    }
    for (unsigned i = 1; i < 8; ++i) {
      if (Below(2) == 0) {
        const auto last = static_cast<std::uint8_t>(i);
        service.backends.push_back(
            {.ip = Below(3) == 0 ? IpAddress(net::Ipv6Address{{0xfc, last}})
                                 : IpAddress(net::Ipv4Address::FromHost(0x0a000000 + i)),
             .port = 80,
             .local = Below(3) == 0,
             .draining = Below(3) == 0});
      }
    }
    std::shuffle(service.backends.begin(), service.backends.end(), random_);
    return service;
  }
  [[nodiscard]] bool Free(const ServiceConfig& own, const FrontendConfig& wanted) const {
    const auto taken = [&](const ServiceConfig& service) {
      return service.protocol == own.protocol &&
             std::any_of(service.frontends.begin(), service.frontends.end(),
                         [&](const auto& f) { return f.ip == wanted.ip && f.port == wanted.port; });
    };
    return !taken(own) && std::none_of(services_.begin(), services_.end(),
                                       [&](const auto& entry) { return taken(*entry.second); });
  }

  std::mt19937_64 random_{1};  // NOLINT(cert-msc51-cpp): the same every time
  std::map<std::string, Config> services_;
};

// The rules as they are written.
std::set<IpAddress> Candidates(const ServiceConfig& service, const FrontendConfig& frontend,
                               bool local_only) {
  std::set<IpAddress> ready;
  std::set<IpAddress> draining;
  for (const BackendConfig& backend : service.backends) {
    if (backend.ip.is_v6() == frontend.ip.is_v6() && (backend.local || !local_only)) {
      (backend.draining ? draining : ready).insert(backend.ip);
    }
  }
  return ready.empty() ? draining : ready;
}

void ExpectChoice(const ServiceConfig& service, const FrontendConfig& frontend, bool inside,
                  const Choice& choice) {
  const bool short_cut = inside && (frontend.kind == FrontendKind::kNodePort ||
                                    frontend.kind == FrontendKind::kLoadBalancer ||
                                    frontend.kind == FrontendKind::kExternalIp);
  const std::set<IpAddress> candidates =
      Candidates(service, frontend, frontend.local_only && !short_cut);
  if (!candidates.empty()) {
    ASSERT_EQ(choice.kind, Choice::Kind::kBackend);
    ASSERT_TRUE(candidates.contains(choice.backend->ip));
    return;
  }
  ASSERT_EQ(choice.kind, Candidates(service, frontend, false).empty() ? Choice::Kind::kReject
                                                                      : Choice::Kind::kDrop);
}

std::pair<const ServiceConfig*, const FrontendConfig*> PlainFind(const std::vector<Config>& configs,
                                                                 const IpAddress& ip,
                                                                 IpProtocol protocol,
                                                                 std::uint16_t port) {
  for (const Config& config : configs) {
    for (const FrontendConfig& frontend : config->frontends) {
      if (frontend.ip == ip && frontend.port == port && config->protocol == protocol) {
        return {config.get(), &frontend};
      }
    }
  }
  return {nullptr, nullptr};
}

bool PlainOwns(const std::vector<Config>& configs, const IpAddress& ip) {
  return std::any_of(configs.begin(), configs.end(), [&](const Config& config) {
    return std::any_of(config->frontends.begin(), config->frontends.end(), [&](const auto& f) {
      return f.ip == ip && f.kind != FrontendKind::kNodePort && f.kind != FrontendKind::kHostPort;
    });
  });
}

// One question to all three.
void Probe(World& world, const std::vector<Config>& configs, const ServiceTable& table,
           const ServiceTable& fresh) {
  const IpAddress ip = world.FrontendIp();
  const IpProtocol protocol = world.Protocol();
  const auto port = static_cast<std::uint16_t>(1 + world.Below(kPorts));
  const auto [service, config] = PlainFind(configs, ip, protocol, port);
  const Frontend* found = table.Find(ip, protocol, port);
  ASSERT_EQ(found != nullptr, config != nullptr);
  ASSERT_EQ(table.IsFrontendAddress(ip), PlainOwns(configs, ip));
  if (found == nullptr) {
    return;
  }
  ASSERT_EQ(found->kind, config->kind);
  ASSERT_EQ(found->local_only(), config->local_only);
  ASSERT_EQ(found->affinity_seconds, service->affinity_seconds);
  for (const bool inside : {false, true}) {
    const std::uint64_t hash = world.Hash();
    const Choice choice = Select(*found, hash, inside);
    ExpectChoice(*service, *config, inside, choice);
    const Choice same = Select(*fresh.Find(ip, protocol, port), hash, inside);
    ASSERT_EQ(choice.kind, same.kind);
    ASSERT_TRUE(choice.backend == nullptr || choice.backend->ip == same.backend->ip);
  }
}

// Every number that is in the table, none twice.
Objects ObjectsOf(const std::vector<Config>& configs, const ServiceTable& table) {
  Objects objects;
  for (std::uint32_t id = 1; id <= kNames; ++id) {
    if (const Service* service = table.FindService(id)) {
      for (const BackendConfig& backend : service->config->backends) {
        objects[NameOf(*service->config, backend)] =
            table.FindBackend(id, backend.ip, backend.port)->object;
      }
    }
  }
  std::set<net::ObjectId> numbers;
  std::size_t expected = 0;
  for (const Config& config : configs) {
    expected += config->backends.size();
  }
  for (const auto& [name, object] : objects) {
    numbers.insert(object);
  }
  EXPECT_EQ(numbers.size(), expected);
  return objects;
}

// Who stays keeps its number; the numbers of those that left are gone, each once.
void ExpectNumbers(const Objects& before, const Objects& after,
                   const ServiceTableBuilder::Change& change) {
  std::multiset<net::ObjectId> left;
  for (const auto& [name, object] : before) {
    const auto now = after.find(name);
    if (now == after.end()) {
      left.insert(object);
    } else {
      ASSERT_EQ(now->second, object) << name;
    }
  }
  ASSERT_EQ(std::multiset<net::ObjectId>(change.gone.begin(), change.gone.end()), left);
}

TEST(ServiceTable, ChangesLeadWhereConfigurationsDo) {
  World world;
  core::Epochs objects(kMostObjects);
  ServiceTableBuilder builder(objects);
  std::vector<Config> configs;
  Objects before;
  for (int round = 0; round < 1000; ++round) {
    const std::vector<Config> next = world.Next();
    const ServiceDiff diff = DiffServices(configs, next);
    configs = next;
    const auto change = builder.Apply(diff.put, diff.removed);
    ASSERT_TRUE(change.ok()) << change.status();
    core::Epochs others(kMostObjects);
    ServiceTableBuilder from_nothing(others);
    ASSERT_TRUE(from_nothing.Apply(configs, {}).ok());
    for (int i = 0; i < 50; ++i) {
      ASSERT_NO_FATAL_FAILURE(Probe(world, configs, *change->table, *from_nothing.table()))
          << "round " << round;
    }
    const Objects after = ObjectsOf(configs, *change->table);
    ASSERT_NO_FATAL_FAILURE(ExpectNumbers(before, after, *change)) << "round " << round;
    for (const net::ObjectId object : change->gone) {
      objects.Release(object);
    }
    ASSERT_EQ(objects.in_use(), others.in_use());
    before = after;
  }
}

}  // namespace
}  // namespace pollux::tables
